using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Xml;
using System.Xml.Linq;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Engine;

/// <summary>A client for an oVirt Engine's REST API, for moving disks. One user, logged in on first use.</summary>
/// <remarks>
/// Failures are <see cref="TransferException"/>: <see cref="TransferError.UpstreamUnreachable"/>,
/// <see cref="TransferError.Unauthorized"/> for the login, and Engine's own text otherwise. Engine answers actions with
/// success even if it ignores them, so only phases count. The parts are disks, transfers and backups.
/// </remarks>
public sealed partial class EngineClient : IAsyncDisposable
{
    // Engine answers such a request within a second or two.
    private static readonly TimeSpan CreationGrace = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(60);

    private readonly EngineOptions _options;
    private readonly HttpClient _http;
    private readonly Uri _root;
    private string? _token;

    /// <summary>Creates a client. Nothing is sent yet.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: the URL or the CA file is
    /// wrong.</exception>
    public EngineClient(EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _root = Root(options);
        _http = new HttpClient(Handler(options)) { Timeout = RequestTimeout };
    }

    /// <summary>How to reach Engine.</summary>
    public EngineOptions Options => _options;

    /// <summary>Logs out. Never fails.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await LogoutAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            // The token expires by itself.
        }

        _http.Dispose();
    }

    /// <summary>Waits between two polls.</summary>
    internal Task PollAsync(CancellationToken cancellationToken) => Task.Delay(
        _options.PollPeriod, _options.Time, cancellationToken);

    private static Uri Root(EngineOptions options)
    {
        if (!Uri.TryCreate(options.Url, UriKind.Absolute, out Uri? url) || url.Scheme is not ("https" or "http")
            || url.AbsolutePath.Trim('/') is not ("" or "ovirt-engine" or "ovirt-engine/api"))
        {
            throw new TransferException(
                TransferError.InvalidRequest, "Engine's URL must be like https://engine.example.com");
        }

        if (url.Scheme == "http" && !url.IsLoopback && !options.IsInsecure)
        {
            throw new TransferException(
                TransferError.InvalidRequest,
                $"Without TLS a password goes to this host only, not to {url.Host}: use https");
        }

        return new Uri(url.GetLeftPart(UriPartial.Authority));
    }

    private static SocketsHttpHandler Handler(EngineOptions options)
    {
        var tls = new SslClientAuthenticationOptions();
        if (options.IsInsecure)
        {
            tls.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        }
        else if (options.CaFile is { } file)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            };
            try
            {
                tls.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new TransferException(
                    TransferError.InvalidRequest, $"The authorities in {file} cannot be read: {e.Message}", e);
            }
        }

        return new SocketsHttpHandler { SslOptions = tls, AllowAutoRedirect = false, UseCookies = false };
    }

    private async Task LoginAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_root, "/ovirt-engine/sso/oauth/token"))
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["grant_type"] = "password",
                ["scope"] = "ovirt-app-api",
                ["username"] = _options.Username,
                ["password"] = _options.Password,
            }),
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        (int status, string body) = await SendAsync(request, cancellationToken).ConfigureAwait(false);
        try
        {
            using var json = JsonDocument.Parse(body);
            if (status == 200 && json.RootElement.TryGetProperty("access_token", out JsonElement token))
            {
                _token = token.GetString();
                return;
            }
        }
        catch (JsonException) when (status != 200)
        {
            // Reported below.
        }

        throw EngineFault.OfLogin(body);
    }

    private async Task LogoutAsync()
    {
        if (_token is null)
        {
            return;
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_root, "/ovirt-engine/services/sso-logout"))
        {
            Content = new FormUrlEncodedContent(
                new Dictionary<string, string> { ["scope"] = "ovirt-app-api", ["token"] = _token }),
        };
        _token = null;
        using HttpResponseMessage response = await _http.SendAsync(request).ConfigureAwait(false);
    }

    // Creates something and returns its id. After an interruption the answer is still waited for: without the id,
    // the caller could not remove what Engine has created.
    private async Task<string> CreateAsync(
        string path, XElement body, string what, CancellationToken cancellationToken)
    {
        if (_token is null)
        {
            await LoginAsync(cancellationToken).ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
        using var grace = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _options.Time);
        CancellationTokenRegistration interruption =
            cancellationToken.Register(() => grace.CancelAfter(CreationGrace));
        await using (interruption.ConfigureAwait(false))
        {
            XElement answer = (await CallAsync(
                HttpMethod.Post, path, body, $"creating a {what}", grace.Token).ConfigureAwait(false))!;
            return answer.Attribute("id")?.Value
                ?? throw new TransferException(TransferError.UpstreamFailed, $"Engine: the new {what} has no id");
        }
    }

    /// <summary>Sends a request. Null: the resource does not exist.</summary>
    private async Task<XElement?> CallAsync(
        HttpMethod method, string path, XElement? body, string what, CancellationToken cancellationToken)
    {
        for (bool isFirst = true; ; isFirst = false)
        {
            if (_token is null)
            {
                await LoginAsync(cancellationToken).ConfigureAwait(false);
            }

            using var request = new HttpRequestMessage(method, new Uri(_root, $"/ovirt-engine/api{path}"));
            request.Headers.TryAddWithoutValidation("Version", "4");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/xml"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token);
            if (body is not null)
            {
                request.Content = new StringContent(
                    body.ToString(SaveOptions.DisableFormatting), Encoding.UTF8, "application/xml");
            }

            (int status, string text) = await SendAsync(request, cancellationToken).ConfigureAwait(false);
            if (status == 401 && isFirst)
            {
                // Tokens expire during a long transfer.
                _token = null;
                continue;
            }

            if (status == 404 && method == HttpMethod.Get)
            {
                return null;
            }

            if (status is < 200 or > 299)
            {
                throw EngineFault.Of(status, text, what);
            }

            return Parse(text, what);
        }
    }

    private static XElement Parse(string text, string what)
    {
        try
        {
            return text.Length == 0 ? new XElement("action") : XElement.Parse(text);
        }
        catch (XmlException e)
        {
            throw new TransferException(
                TransferError.UpstreamFailed, $"Engine: {what}: the answer is no XML: {e.Message}", e);
        }
    }

    private async Task<(int Status, string Body)> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(
                request, cancellationToken).ConfigureAwait(false);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(
                cancellationToken).ConfigureAwait(false));
        }
        catch (Exception e)
            when (e is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
        {
            Exception cause = e.InnerException ?? e;
            throw new TransferException(
                TransferError.UpstreamUnreachable, $"Engine at {_root.Authority} is out of reach: {cause.Message}", e);
        }
    }
}
