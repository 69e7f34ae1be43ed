using System.CommandLine;
using System.Runtime.CompilerServices;
using ImageIO.Http.Hosting;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Listeners;
using ImageIO.Http.Messages;
using ImageIO.Proxy.Hosting;
using ImageIO.Proxy.Options;
using ImageIO.Traces;

namespace ImageIO.Proxy;

/// <summary>The command line of <c>ovirt-imageio-proxy</c>.</summary>
internal static partial class Program
{
    private const string Name = "ovirt-imageio-proxy";
    private const int Failure = 1;

    private static Task<int> Main(string[] args)
    {
        SocketThreads.ServeInline();
        ProcessSignals.LetTooLargeFilesFail();
        PoolThreads.Fix();
        var file = new Option<string>("--config", "-c")
        {
            Description = "Configuration file",
            DefaultValueFactory = _ => ProxyConfiguration.DefaultFile,
        };
        var showConfig = new Option<bool>("--show-config")
        {
            Description = "Print the effective configuration as JSON and exit",
        };
        var command = new RootCommand("Forwards clients' requests for images to the daemons that serve them.")
        {
            file, showConfig, SignTicketCommand.Create(),
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(file)!, parsed.GetValue(showConfig), cancellationToken));
        return ProgramCommandLine.RunAsync(command, args, Name);
    }

    // A separate method, so that a proxy without a collector does not load the exporter.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static IDisposable StartTraces(TelemetrySettings telemetry) =>
        OtlpTraces.Start(Name, ProductVersion.Text, telemetry.Endpoint);

    private static async Task<int> RunAsync(string file, bool showConfig, CancellationToken cancellationToken)
    {
        try
        {
            var configuration = ProxyConfiguration.Load(file);
            if (showConfig)
            {
                await ConfigurationJson.WriteAsync(configuration.Reader, Console.OpenStandardOutput());
                return 0;
            }

            await using WebApplication app = await ProxyHost.BuildAsync(configuration, TimeProvider.System);
            using IDisposable? traces = configuration.Telemetry.IsEnabled ? StartTraces(configuration.Telemetry) : null;
            await app.StartAsync(cancellationToken);
            Log.Started(app.Logger, ProductVersion.Text, app.Services.GetRequiredService<BoundListeners>().Urls);
            configuration.Reader.LogWarnings(app.Logger);
            await app.WaitForShutdownAsync(cancellationToken);
            return 0;
        }
        catch (Exception e) when (e is ConfigurationException or IOException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync($"{Name}: {OneLine.Of(e.Message)}");
            return Failure;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(40, LogLevel.Information, "ImageIO proxy {Version} serves {Addresses}")]
        public static partial void Started(ILogger logger, string version, string addresses);
    }
}
