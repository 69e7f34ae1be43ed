using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Core.Tickets;
using ImageIO.Proxy.Options;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Proxy;

/// <summary>The built program's commands, and what its configuration file may say.</summary>
public sealed class CommandLineTests(ProxyFixture proxy) : IClassFixture<ProxyFixture>
{
    private static readonly string Executable = Path.Combine(AppContext.BaseDirectory, "ovirt-imageio-proxy");

    [Theory(Timeout = 30_000)]
    [InlineData("pkcs1")]
    [InlineData("pss")]
    [InlineData("both")]
    public async Task Sign_ticket_makes_a_ticket_that_the_proxy_believes(string form)
    {
        string id = Guid.NewGuid().ToString();
        BufferedCommandResult result = await SignAsync(
            id, "--imaged-uri", "https://:::54322", "--form", form, "--valid-for", "60");
        Assert.True(result.ExitCode == 0, result.StandardError);

        using HttpResponseMessage response = await proxy.Client.PutAsync(
            "/tickets/", new StringContent(result.StandardOutput));

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        Assert.Equal("https://[::]:54322", proxy.Tickets.Find(new TicketId(id))?.Daemon.Url);
    }

    [Theory(Timeout = 30_000)]
    [InlineData("", "https://h:1", "No ticket id on standard input")]
    [InlineData("id", "http://h:1", "--imaged-uri is 'http://h:1', expected https://HOST:PORT")]
    public async Task Sign_ticket_says_in_one_line_what_is_wrong(string id, string daemon, string error)
    {
        BufferedCommandResult result = await SignAsync(id, "--imaged-uri", daemon);

        Assert.Equal(
            (1, "", $"ovirt-imageio-proxy: {error}\n"), (result.ExitCode, result.StandardOutput, result.StandardError));
    }

    [Theory]
    [InlineData("allow_origins = *", "unknown option 'allow_origins' in section [proxy], did you mean 'allow_origin'")]
    [InlineData("allowed_skew_seconds = -1", "expected an integer, 0 or more")]
    [InlineData("signed_proxy_ticket = maybe", "expected true, yes")]
    [InlineData("ssl_transport = gnutls", "openssl")]
    public void Wrong_option_stops_the_start_with_what_would_be_right(string option, string error)
    {
        string file = Path.Combine(Path.GetDirectoryName(proxy.Files.ConfigurationFile)!, $"{Guid.NewGuid():N}.conf");
        File.WriteAllText(file, $"[proxy]\n{option}\n");

        ConfigurationException wrong = Assert.Throws<ConfigurationException>(() => ProxyConfiguration.Load(file));

        Assert.Contains(error, wrong.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("enable_tls1_1 = true", "TLS 1.1 is not served any more")]
    [InlineData("ssl_transport = dotnet", ".NET's TLS is not offered any more, OpenSSL is used; remove the option")]
    public void Tls_that_is_not_offered_any_more_is_a_warning_because_existing_files_ask_for_it(
        string option, string warning)
    {
        ConfigurationReader reader = ProxyConfiguration.Read(IniFile.Parse("proxy.conf", ["[proxy]", option])).Reader;

        Assert.Contains(warning, Assert.Single(reader.Warnings), StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Show_config_prints_what_is_in_effect_and_reads_nothing_else()
    {
        string file = Path.Combine(Path.GetDirectoryName(proxy.Files.ConfigurationFile)!, $"{Guid.NewGuid():N}.conf");
        File.WriteAllText(file, "[proxy]\nhost = no such host\nport = 1_234\nssl_key_file = /nowhere\n");

        BufferedCommandResult result = await Cli.Wrap(Executable).WithArguments(["--config", file, "--show-config"])
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();

        Assert.Equal((0, ""), (result.ExitCode, result.StandardError));
        JsonNode shown = JsonNode.Parse(result.StandardOutput)!["proxy"]!;
        Assert.Equal(("no such host", 1234), (shown["host"]!.GetValue<string>(), shown["port"]!.GetValue<int>()));
    }

    [Fact]
    public void Missing_signer_certificate_stops_the_start()
    {
        ProxyConfiguration configuration = ProxyConfiguration.Load(
            proxy.Files.ConfigurationFile) with
        { EngineCertificateFile = "/nowhere" };

        ConfigurationException wrong = Assert.Throws<ConfigurationException>(
            () => configuration.Verifier(TimeProvider.System));

        Assert.Contains("Cannot use engine_cert_file /nowhere", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Unsigned_tickets_are_taken_only_where_the_configuration_says_so()
    {
        const string Payload = """{"nbf":0,"exp":9999999999,"imaged-uri":"https://h:1","transfer-ticket":"t"}""";
        ProxyConfiguration configuration = ProxyConfiguration.Load(
            proxy.Files.ConfigurationFile) with
        { SignedTickets = false };

        Assert.Equal("t", configuration.Verifier(TimeProvider.System).Verify(Payload).Id.Reveal());
    }

    private async Task<BufferedCommandResult> SignAsync(string id, params string[] arguments) => await Cli.Wrap(
        Executable)
        .WithArguments(["sign-ticket",
            "--key-file", proxy.Files.SignerKeyFile, "--cert-file", proxy.Files.SignerCertificateFile, .. arguments])
        .WithStandardInputPipe(PipeSource.FromString(id + "\n"))
        .WithValidation(CommandResultValidation.None)
        .ExecuteBufferedAsync();
}
