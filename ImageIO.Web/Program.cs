using System.CommandLine;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Http.Hosting;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Http.Messages;
using ImageIO.Traces;
using ImageIO.Web.Hosting;
using ImageIO.Web.Options;

namespace ImageIO.Web;

/// <summary>The command line of <c>ovirt-imageio</c>.</summary>
internal static class Program
{
    private const string Name = "ovirt-imageio";
    private const int Failure = 1;

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "The daemon is published untrimmed.")]
    private static Task<int> Main(string[] args)
    {
        SocketThreads.ServeInline();
        ProcessSignals.LetTooLargeFilesFail();
        PoolThreads.Fix();
        var directory = new Option<string>("--conf-dir", "-c")
        {
            Description = "Directory with conf.d/*.conf",
            DefaultValueFactory = _ => DropIns.DefaultDirectory,
        };
        var showConfig = new Option<bool>("--show-config")
        {
            Description = "Print the effective configuration as JSON and exit",
        };
        var ticket = new Option<FileInfo?>("--ticket", "-t")
        {
            Description = "Install the ticket in this JSON file at start",
        };
        var command = new RootCommand(
            "Serves virtual machine disk images to the holders of tickets.") { directory, showConfig, ticket };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(directory)!, parsed.GetValue(showConfig), parsed.GetValue(ticket), cancellationToken));
        return ProgramCommandLine.RunAsync(command, args, Name);
    }

    // After the addresses are taken and the key is read, before the first client is served.
    private static void Become(ServiceUser user, WebApplication app, DaemonConfiguration configuration)
    {
        foreach (LogFileTarget file in configuration.Log.Targets.OfType<LogFileTarget>())
        {
            user.OwnLog(file.Path);
        }

        user.Become();
        app.Services.GetRequiredService<LogOutput>().Open();
    }

    // A separate method, so that a daemon without a collector does not load the exporter.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static IDisposable StartTraces(TelemetrySettings telemetry) =>
        OtlpTraces.Start(Name, ProductVersion.Text, telemetry.Endpoint);

    [RequiresUnreferencedCode("Backends are found by scanning assemblies.")]
    private static async Task<int> RunAsync(
        string directory, bool showConfig, FileInfo? ticketFile, CancellationToken cancellationToken)
    {
        try
        {
            DaemonConfiguration configuration = DaemonConfiguration.Load(directory);
            if (showConfig)
            {
                configuration.ReadBackendOptions();
                await ConfigurationJson.WriteAsync(configuration.Reader, Console.OpenStandardOutput());
                return 0;
            }

            ServiceUser? user = configuration.Daemon.DropPrivileges && ServiceUser.IsRoot
                ? ServiceUser.Find(configuration.Daemon.UserName, configuration.Daemon.GroupName)
                : null;
            await using WebApplication app = await DaemonHost.BuildAsync(configuration, TimeProvider.System, user);
            if (ticketFile is not null)
            {
                TicketFile.Install(
                    ticketFile.FullName,
                    app.Services.GetRequiredService<TicketStore>(), configuration.Daemon.InactivityTimeoutSeconds);
            }

            if (user is not null)
            {
                Become(user, app, configuration);
            }

            using IDisposable? traces = configuration.Telemetry.IsEnabled ? StartTraces(configuration.Telemetry) : null;
            await app.StartAsync(cancellationToken);
            StartLog.Write(app.Logger, app, configuration);
            await app.WaitForShutdownAsync(cancellationToken);
            return 0;
        }
        catch (Exception e)
            when (e is ConfigurationException or TransferException or IOException or InvalidOperationException)
        {
            await Console.Error.WriteLineAsync($"{Name}: {OneLine.Of(e.Message)}");
            return Failure;
        }
    }
}
