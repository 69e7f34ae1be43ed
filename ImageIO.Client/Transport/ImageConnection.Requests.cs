using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Transport;

internal sealed partial class ImageConnection
{
    private string Path => _dialer.Address.Path;

    /// <summary>The server's features; few, if it does not know the request.</summary>
    public async Task<ServerFeatures> GetFeaturesAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ExchangeAsync(
                HttpMethod.Options, Path, null, null, _options.StallTimeout,
                async (response, token) => (int)response.StatusCode == 200
                    ? ServerFeatures.Parse(await response.Content.ReadAsByteArrayAsync(token).ConfigureAwait(false))
                    : ServerFeatures.None,
                cancellationToken).ConfigureAwait(false);
        }
        catch (ExchangeException e) when (e.Status == 405)
        {
            return ServerFeatures.None;
        }
    }

    /// <summary>The image's size in bytes.</summary>
    public Task<long> GetSizeAsync(CancellationToken cancellationToken) => ExchangeAsync(
        HttpMethod.Head, Path, null, null, _options.StallTimeout,
        (response, _) => Task.FromResult(
            response.Content.Headers.ContentLength
                ?? throw new ExchangeException(
                    ExchangeFailure.Refused, $"{_dialer.Address} does not tell the image's size")),
        cancellationToken);

    /// <summary>
    /// The image's size from a server without HEAD: the head of a whole read, which ends the connection.
    /// </summary>
    public Task<long> GetSizeByReadingAsync(CancellationToken cancellationToken) => ExchangeAsync(
        HttpMethod.Get, Path, null, null, _options.StallTimeout,
        (response, _) => Task.FromResult(response.Content.Headers.ContentLength ?? 0),
        cancellationToken);

    /// <summary>Extents as they come; one element at a time is in memory.</summary>
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        string context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long position = 0;
        using var request = new HttpRequestMessage(
            HttpMethod.Get, new Uri(_dialer.BaseUri, $"{Path}/extents?context={context}"));
        _dialed.Stream.Touch();
        _limit = _options.SlowAnswerTimeout;
        using HttpResponseMessage response = await GuardAsync(
            () => _invoker.SendAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            throw await StatusError.ReadAsync(
                response, $"Extents of {_dialer.Address}",
                hasDigest: false, _dialer.Address, cancellationToken).ConfigureAwait(false);
        }

        Stream body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        IAsyncEnumerator<ExtentEntry?> entries = JsonSerializer
            .DeserializeAsyncEnumerable(body, WireJson.Default.ExtentEntry, cancellationToken).GetAsyncEnumerator(
                cancellationToken);
        await using (entries.ConfigureAwait(false))
        {
            while (await GuardAsync(() => entries.MoveNextAsync().AsTask(), cancellationToken).ConfigureAwait(false))
            {
                if (entries.Current is not { Length: >= 0 } entry
                    || entry.Start != position || entry.Length > long.MaxValue - position)
                {
                    throw new ExchangeException(ExchangeFailure.Refused, $"The extents of {_dialer.Address} have gaps "
                        + $"or overlap at {position}");
                }

                position += entry.Length;
                if (entry.Length > 0)
                {
                    yield return entry.ToExtent();
                }
            }
        }

        _limit = TimeSpan.Zero;
    }

    /// <summary>The server's checksum of the whole image.</summary>
    public Task<ChecksumEntry> GetChecksumAsync(string algorithm, int blockSize, CancellationToken cancellationToken) =>
        ExchangeAsync(
        HttpMethod.Get,
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Path}/checksum?algorithm={Uri.EscapeDataString(algorithm)}&block_size={blockSize}"),
        null, null, _options.SlowAnswerTimeout,
        async (response, token) => JsonSerializer.Deserialize(
            await response.Content.ReadAsByteArrayAsync(token).ConfigureAwait(false),
            WireJson.Default.ChecksumEntry)!,
        cancellationToken);

    /// <summary>Writes a range whose bytes the caller pushes.</summary>
    /// <param name="range">The bytes.</param>
    /// <param name="write">Writes exactly the range's bytes into the stream.</param>
    /// <param name="defersFlush">Whether the server may answer before the data is durable.</param>
    /// <param name="sha256">The body's digest. Null: none is sent.</param>
    /// <param name="cancellationToken">Breaks the connection.</param>
    public Task PutAsync(
        ByteRange range,
        Func<Stream, CancellationToken, Task> write,
        bool defersFlush,
        byte[]? sha256,
        CancellationToken cancellationToken)
    {
        var content = new PushContent(range.Length, write);
        content.Headers.TryAddWithoutValidation(
            "Content-Range", string.Create(CultureInfo.InvariantCulture, $"bytes {range.Start}-{range.End - 1}/*"));
        return ExchangeAsync(
            HttpMethod.Put,
            defersFlush ? $"{Path}?flush=n" : Path,
            content,
            sha256 is null ? null : headers =>
                headers.TryAddWithoutValidation("Content-Digest", $"sha-256=:{Convert.ToBase64String(sha256)}:"),
            _options.StallTimeout,
            DrainAsync,
            cancellationToken);
    }

    /// <summary>Reads a range; the bytes are handed on as a stream of exactly its length.</summary>
    public Task GetAsync(
        ByteRange range, Func<Stream, CancellationToken, Task> read, CancellationToken cancellationToken) =>
        ExchangeAsync(
        HttpMethod.Get, Path, null,
        headers => headers.Range = new RangeHeaderValue(range.Start, range.End - 1),
        _options.StallTimeout,
        async (response, token) =>
        {
            if ((int)response.StatusCode != 206 || response.Content.Headers.ContentLength != range.Length)
            {
                throw new ExchangeException(
                    ExchangeFailure.Broken,
                    $"{_dialer.Address} answered {(int)response.StatusCode} with "
                        + $"{response.Content.Headers.ContentLength} bytes "
                    + $"where 206 with {range.Length} bytes is right");
            }

            await read(
                await response.Content.ReadAsStreamAsync(token).ConfigureAwait(false), token).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    /// <summary>Makes a range read as zeroes.</summary>
    public Task ZeroAsync(ByteRange range, bool flush, CancellationToken cancellationToken) => PatchAsync(
        string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"op": "zero", "size": {{range.Length}}, "offset": {{range.Start}}, "flush": """
                + $$"""{{(flush ? "true" : "false")}}}"""),
        cancellationToken);

    /// <summary>Makes everything durable that was written through this connection.</summary>
    public Task FlushAsync(CancellationToken cancellationToken) => PatchAsync("""{"op": "flush"}""", cancellationToken);

    private Task PatchAsync(string json, CancellationToken cancellationToken) => ExchangeAsync(
        HttpMethod.Patch,
        Path, new StringContent(json, Encoding.UTF8, "application/json"), null, _options.SlowAnswerTimeout, DrainAsync,
        cancellationToken);

    private static async Task<bool> DrainAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        await response.Content.CopyToAsync(Stream.Null, cancellationToken).ConfigureAwait(false);
        return true;
    }

    private async Task<T> GuardAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (JsonException e)
        {
            throw new ExchangeException(
                ExchangeFailure.Broken, $"The extents of {_dialer.Address} are no JSON, or were cut: {e.Message}", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw Broken($"Extents of {_dialer.Address}", _options.SlowAnswerTimeout, e);
        }
    }
}
