using ImageIO.Http.Hosting.Logs;
using ImageIO.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serilog.Events;

namespace ImageIO.Tests.Hosting.Logs;

/// <summary>A log line contains nothing from its surroundings that its author did not name (issue 15, C16).</summary>
public sealed class SafeEventTests : IDisposable
{
    private const string Secret = "3f9c5a70-ticket-of-somebody";

    private readonly ImageDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Scopes_are_not_written(bool json)
    {
        string log = Write(json, logger =>
        {
            using (logger.BeginScope(
                new Dictionary<string, object> { ["RequestPath"] = $"/images/{Secret}", ["Deep"] = new[] { Secret } }))
            using (logger.BeginScope($"scope of {Secret}"))
            {
                Say(logger, "transfer-1");
            }
        });

        Assert.Contains("transfer-1", log, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Urls_with_ids_in_exceptions_are_not_written(bool json)
    {
        string log = Write(json, logger => Fail(logger, new InvalidOperationException(
            $"Cannot reach https://host:54322/images/{Secret}?flush=n",
            new IOException($"GET /images/{Secret} HTTP/1.1"))));

        Assert.Contains("https://host:54322/images/...", log, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, log, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("one\n2026-01-01 00:00:00,000 ERROR   (1) [x] forged")]
    [InlineData("one\r\n2026-01-01 00:00:00,000 ERROR forged")]
    [InlineData("one\u20282026-01-01 00:00:00,000 ERROR forged")]
    [InlineData("one\u001b[2J\u0085forged")]
    public void Exception_cannot_forge_a_line(string message)
    {
        string log = Write(json: false, logger =>
            Fail(logger, Thrown(new IOException(message, new AggregateException(message, new IOException(message))))));

        string[] lines = log.TrimEnd('\n').Split('\n');
        Assert.Single(lines, line => !line.StartsWith("    ", StringComparison.Ordinal));
        Assert.DoesNotContain(log, character => character != '\n' && char.IsControl(character));
        Assert.Contains(lines, line => line.Contains("   at ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Message_is_one_line_even_when_its_author_put_a_clients_words_into_the_template(bool json)
    {
        string log = Write(json, logger =>
        {
#pragma warning disable CA1848, CA2254 // As a plugin may write it.
            logger.LogWarning(
                "one\n2026-01-01 forged {Value} {@Object}", "two\nforged", new { Name = "three\nforged" });
#pragma warning restore CA1848, CA2254
        });

        Assert.Equal(1, log.Count(character => character == '\n'));
        Assert.Contains("three", log, StringComparison.Ordinal);
    }

    [Fact]
    public void Target_gets_its_own_level_and_format()
    {
        string quiet = _directory.File("quiet");
        string log = Write(
            json: true,
            logger =>
            {
                Say(logger, "transfer-1");
                Fail(logger, new IOException("broken"));
            },
            new LogFileTarget(quiet) { Level = LogEventLevel.Error });

        Assert.Equal(2, log.Count(character => character == '\n'));
        Assert.StartsWith("{\"@t\":", log, StringComparison.Ordinal);
        string[] lines = File.ReadAllLines(quiet);
        Assert.Contains("ERROR ", lines[0], StringComparison.Ordinal);
        Assert.Equal("    System.IO.IOException: broken", lines[1]);
    }

    private static Exception Thrown(Exception exception)
    {
        try
        {
            throw exception;
        }
        catch (IOException e)
        {
            return e;
        }
    }

#pragma warning disable CA1848 // Logged once.
    private static void Say(ILogger logger, string transfer) => logger.LogInformation(
        "Transfer {TransferId}: said", transfer);

    private static void Fail(ILogger logger, Exception exception) => logger.LogError(exception, "It failed");
#pragma warning restore CA1848

    private string Write(bool json, Action<ILogger> write, params LogTarget[] others)
    {
        string file = _directory.File("log");
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.UseLog(new LogSettings
        {
            Level = LogEventLevel.Debug,
            Targets = [new LogFileTarget(file) { IsJson = json }, .. others],
        }).Open());
        using (ServiceProvider provider = services.BuildServiceProvider())
        {
            write(provider.GetRequiredService<ILoggerFactory>().CreateLogger("test"));
        }

        return File.ReadAllText(file);
    }
}
