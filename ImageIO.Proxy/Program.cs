using System.CommandLine;
using ImageIO.Http.Hosting;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Listeners;
using ImageIO.Proxy.Hosting;
using ImageIO.Proxy.Options;

namespace ImageIO.Proxy;

/// <summary>The command line of <c>ovirt-imageio-proxy</c>.</summary>
internal static partial class Program
{
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
        var command = new RootCommand("Forwards clients' requests for images to the daemons that serve them.")
        {
            file, SignTicketCommand.Create(),
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(file)!, cancellationToken));
        // The host itself handles SIGTERM and SIGINT and takes drain_timeout for it; the parser's own handler would end
        // the process after 2 s with status 143.
        return command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    private static async Task<int> RunAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            await using WebApplication app = await ProxyHost.BuildAsync(ProxyConfiguration.Load(file), TimeProvider.System);
            await app.StartAsync(cancellationToken);
            Log.Started(app.Logger, ProductVersion.Text, app.Services.GetRequiredService<BoundListeners>().Urls);
            await app.WaitForShutdownAsync(cancellationToken);
            return 0;
        }
        catch (Exception e) when (e is ConfigurationException or IOException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync($"ovirt-imageio-proxy: {OneLine.Of(e.Message)}");
            return Failure;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(40, LogLevel.Information, "ImageIO proxy {Version} serves {Addresses}")]
        public static partial void Started(ILogger logger, string version, string addresses);
    }
}
