using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Architecture;

/// <summary>The sample configurations of balancers, as their own programs see them.</summary>
public sealed class BalancerTests : IDisposable
{
    private readonly ImageDirectory _directory = new();
    private readonly TestCertificate _certificate;

    public BalancerTests() => _certificate = new TestCertificate(_directory.Path);

    public void Dispose() => _directory.Dispose();

    [SkippableFact(Timeout = 30_000)]
    public async Task Sample_configuration_of_nginx_is_valid()
    {
        Skip.If(NginxProcess.Executable is null, "needs nginx");
        string file = BalancerSample.WriteNginx(
            _directory.Path, $"unix:{_directory.File("nginx")}", _certificate, 1, 2);

        BufferedCommandResult result = await CheckAsync(
            NginxProcess.Executable!, "-e", "stderr", "-t", "-p", _directory.Path, "-c", file);

        Assert.True(result.ExitCode == 0
            && !result.StandardError.Contains("[warn]", StringComparison.Ordinal), result.StandardError);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Sample_configuration_of_haproxy_is_valid()
    {
        string? haproxy = BalancerSample.Find("haproxy");
        Skip.If(haproxy is null, "needs haproxy");
        string file = BalancerSample.WriteHaproxy(_directory.Path, "127.0.0.1:1", _certificate, 1, 2);

        BufferedCommandResult result = await CheckAsync(haproxy!, "-c", "-f", file);

        Assert.True(result.ExitCode == 0
            && !result.StandardError.Contains("WARNING", StringComparison.Ordinal), result.StandardError);
    }

    private static async Task<BufferedCommandResult> CheckAsync(string program, params string[] arguments) =>
        await Cli.Wrap(program)
            .WithArguments(arguments).WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();
}
