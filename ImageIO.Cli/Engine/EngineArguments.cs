using System.CommandLine;
using ImageIO.Client.Copying;
using ImageIO.Client.Engine;
using ImageIO.CommandLine.Commands;
using ImageIO.CommandLine.Output;
using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Engine;

/// <summary>
/// The options of every command that uses an Engine: those of <c>ovirt-img</c>, and more for <c>imageio</c>.
/// </summary>
internal sealed class EngineArguments
{
    private readonly bool _isReference;
    private readonly TransferOptions _transfer = new();

    /// <param name="isReference">Whether to have only the options and the output of the reference's tool.</param>
    public EngineArguments(bool isReference)
    {
        _isReference = isReference;
    }

    public Option<string?> Config { get; } = new("--config", "-c")
    {
        Description = "Section of ovirt-img.conf",
        HelpName = "SECTION",
    };

    public Option<string?> EngineUrl { get; } = new("--engine-url") { Description = "Engine's URL", HelpName = "URL" };

    public Option<string?> Username { get; } = new("--username")
    {
        Description = "Engine's user, with its domain",
        HelpName = "NAME",
    };

    public Option<string?> PasswordFile { get; } = new("--password-file")
    {
        Description = "File with the user's password",
        HelpName = "FILE",
    };

    public Option<string?> CaFile => _transfer.CaFile;

    public Option<bool> Insecure { get; } = new("--insecure") { Description = "Accept any certificate" };

    public Option<string?> LogFile { get; } = new("--log-file")
    {
        Description = "File for the log, in place of standard error",
        HelpName = "FILE",
    };

    public Option<string?> LogLevel { get; } = new("--log-level")
    {
        Description = "debug, info, warning or error",
        HelpName = "LEVEL",
    };

    public Option<string?> Description { get; } = new("--description", "-d")
    {
        Description = "Description of the disk",
        HelpName = "TEXT",
    };

    public Option<string?> Snapshot { get; } = new("--snapshot")
    {
        Description = "A snapshot of the disk, in its place",
        HelpName = "ID",
    };

    public Option<string?> Backup { get; } = new("--backup")
    {
        Description = "A running backup that the disk is downloaded from",
        HelpName = "ID",
    };

    public Option<bool> Shallow { get; } = new("--shallow") { Description = "Transfer the topmost layer alone" };

    public Option<string?> Host { get; } = new("--host")
    {
        Description = "The host that shall transfer",
        HelpName = "ID",
    };

    public Option<bool> UseProxy { get; } = new("--use-proxy")
    {
        Description = "Use the proxy although the host is in reach",
    };

    public Option<int?> InactivityTimeout { get; } = new("--inactivity-timeout")
    {
        Description = "Seconds that the client may be away; then the transfer rests",
        HelpName = "SECONDS",
    };

    public IEnumerable<Option> All => _isReference ? Reference : Reference.Concat(Further);

    private IEnumerable<Option> Reference =>
    [
        Config, EngineUrl,
        Username, PasswordFile, CaFile, Insecure, _transfer.Output, LogFile, LogLevel, Description,
        _transfer.MaxWorkers, _transfer.BufferSize,
    ];

    private IEnumerable<Option> Further =>
    [
        _transfer.Verify, _transfer.Resume, _transfer.Retry, _transfer.LimitRate, Snapshot, Backup, Shallow, Host,
        UseProxy, InactivityTimeout,
    ];

    /// <summary>The section named on the command line.</summary>
    public ReferenceConfiguration Configuration(ParseResult parsed) => parsed.GetValue(Config) is { } section
        ? ReferenceConfiguration.Read(ReferenceConfiguration.DefaultPath, section)
        : ReferenceConfiguration.Empty;

    /// <summary>The connection to Engine. The command line takes precedence.</summary>
    public EngineOptions Engine(ParseResult parsed, ReferenceConfiguration configuration)
    {
        string username = Required(parsed.GetValue(Username) ?? configuration["username"], "--username");
        var options = new EngineOptions
        {
            Url = Required(parsed.GetValue(EngineUrl) ?? configuration["engine_url"], "--engine-url"),
            Username = username,
            Password = PasswordSource.Read(parsed.GetValue(PasswordFile), configuration["password"], username),
            CaFile = parsed.GetValue(CaFile) ?? configuration["cafile"],
            IsInsecure = parsed.GetValue(Insecure) || configuration.Switch("secure") == false,
            DiskTimeout = configuration.Seconds("disk_timeout") ?? TimeSpan.FromSeconds(120),
        };
        SystemAuthorities.SkipUnlessAsked(options.CaFile, options.IsInsecure);
        return options;
    }

    /// <summary>The log.</summary>
    public CommandLog Log(ParseResult parsed, ReferenceConfiguration configuration) => new(
        parsed.GetValue(LogFile) ?? configuration["log_file"],
        parsed.GetValue(LogLevel) ?? configuration["log_level"] ?? "warning",
        TimeProvider.System);

    /// <summary>The disk's description.</summary>
    public string DiskDescription(ParseResult parsed, ReferenceConfiguration configuration) =>
        parsed.GetValue(Description)
            ?? configuration["description"] ?? (_isReference ? "Uploaded by ovirt-img" : "Uploaded by imageio");

    /// <summary>The disk's transfer, with its steps as phases.</summary>
    public DiskTransferOptions Transfer(ParseResult parsed, ProgressWriter progress, string copyPhase) => new()
    {
        Copy = _isReference
            ? new CopyOptions
            {
                MaxWorkers = parsed.GetValue(_transfer.MaxWorkers),
                BufferSize = (int)TransferOptions.Size(parsed.GetValue(_transfer.BufferSize)!, "--buffer-size"),
            }
            : _transfer.Copy(parsed),
        SnapshotId = Own(parsed, Snapshot),
        BackupId = Own(parsed, Backup),
        HostId = Own(parsed, Host),
        IsShallow = Own(parsed, Shallow),
        UsesProxy = Own(parsed, UseProxy),
        InactivityTimeout = Own(parsed, InactivityTimeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        Step = step => progress.Begin(step switch
        {
            DiskStep.CreatingDisk => Phases.CreatingDisk,
            DiskStep.CreatingTransfer => Phases.CreatingTransfer,
            DiskStep.Copying => copyPhase,
            DiskStep.Finalizing => Phases.Finalizing,
            _ => Phases.Cancelling,
        }),
    };

    /// <summary>Shows the progress on standard output.</summary>
    public ProgressWriter Progress(ParseResult parsed) => new(
        Console.Out,
        (parsed.GetValue(_transfer.Output) == "json", _isReference) switch
        {
            (true, true) => ProgressStyle.ReferenceJson,
            (true, false) => ProgressStyle.Json,
            (false, true) => ProgressStyle.ReferenceText,
            _ => Console.IsOutputRedirected ? ProgressStyle.PlainText : ProgressStyle.Text,
        },
        TimeProvider.System);

    private T? Own<T>(ParseResult parsed, Option<T> option) => _isReference ? default : parsed.GetValue(option);

    private static string Required(string? value, string option) => value is { Length: > 0 }
        ? value
        : throw new TransferException(
            TransferError.InvalidRequest, $"{option} is required, on the command line or in the section of --config");
}
