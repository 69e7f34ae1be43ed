using System.Globalization;
using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Proxy.SignedTickets;

/// <summary>A PKI, and signed tickets good and bad, by another hand than ours: Python's cryptography.</summary>
public sealed class IndependentTickets : IAsyncLifetime
{
    private const string Python = "/usr/bin/python3";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("imageio-");
    private string? _missing;
    private JsonNode _tickets = new JsonObject();

    // The second is not over when the tickets' time is: limits are to the second.
    internal FakeTimeProvider Time { get; } = new(TimeProvider.System.GetUtcNow());

    internal IReadOnlyDictionary<string, string> Good => Named("good");

    internal IReadOnlyDictionary<string, string> Bad => Named("bad");

    internal string Authority => PathOf("ca.pem");

    internal string Signer => PathOf("engine.pem");

    public async Task InitializeAsync()
    {
        string script = Path.Combine(
            RepositoryFiles.Root, "ImageIO.Tests", "Proxy", "SignedTickets", "write-tickets.py");
        if (!File.Exists(Python))
        {
            _missing = $"needs {Python}";
            return;
        }

        BufferedCommandResult result = await Cli.Wrap(Python)
            .WithArguments([script,
                _directory.FullName, Time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)])
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        if (result.ExitCode != 0 && result.StandardError.Contains("No module named", StringComparison.Ordinal))
        {
            _missing = "needs Python's cryptography";
            return;
        }

        Assert.True(result.ExitCode == 0, result.StandardError);
        _tickets = JsonNode.Parse(result.StandardOutput)!;
    }

    public Task DisposeAsync()
    {
        _directory.Delete(recursive: true);
        return Task.CompletedTask;
    }

    internal void SkipIfMissing() => Skip.If(_missing is not null, _missing);

    internal string PathOf(string name) => Path.Combine(_directory.FullName, name);

    private Dictionary<string, string> Named(string kind) =>
        _tickets[kind]!.AsObject().ToDictionary(pair => pair.Key, pair => pair.Value!.GetValue<string>());
}
