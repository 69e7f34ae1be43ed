using System.CommandLine;
using ImageIO.Client;
using ImageIO.Client.Local;
using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Commands;

/// <summary>The options of what a download writes.</summary>
internal sealed class TargetOptions
{
    public Option<string> Format { get; } = new("--format", "-f") { Description = "Format of FILE", HelpName = "raw|qcow2", DefaultValueFactory = _ => "raw" };

    public Option<string?> Compress { get; } = new("--compress") { Description = "Pack the clusters of qcow2", HelpName = "zlib|zstd" };

    public Option<string?> BackingFile { get; } = new("--backing-file") { Description = "Backing file of the new qcow2 image", HelpName = "FILE" };

    public Option<string?> BackingFormat { get; } = new("--backing-format") { Description = "Its format", HelpName = "FORMAT" };

    public Option<bool> Incremental { get; } = new("--incremental") { Description = "Download only what changed since the checkpoint; needs --backing-file" };

    public Option<bool> Force { get; } = new("--force") { Description = "Replace FILE if it exists" };

    public TargetOptions()
    {
        Format.AcceptOnlyFromAmong("raw", "qcow2");
        Compress.AcceptOnlyFromAmong("zlib", "zstd");
    }

    public IEnumerable<Option> All => [Format, Compress, BackingFile, BackingFormat, Incremental, Force];

    /// <summary>Fails for what does not go together, before anything is opened.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>.</exception>
    public void Check(ParseResult parsed, string path, string format, string? resume)
    {
        bool isQcow2 = format == "qcow2";
        string? wrong =
            !isQcow2 && (parsed.GetValue(Compress) ?? parsed.GetValue(BackingFile)) is not null
                ? "--compress and --backing-file need --format qcow2"
            : parsed.GetValue(Incremental) && parsed.GetValue(BackingFile) is null
                ? "--incremental needs --format qcow2 and --backing-file, which holds what did not change"
            : File.Exists(path) && !parsed.GetValue(Force) && !(resume is not null && File.Exists(resume)) && !LocalStorage.IsBlockDevice(path)
                ? $"{path} exists; --force replaces it"
            : null;
        if (wrong is not null)
        {
            throw new TransferException(TransferError.InvalidRequest, wrong);
        }
    }

    /// <summary>The target.</summary>
    public ImageTargetOptions Target(ParseResult parsed, string format) => new()
    {
        Format = format,
        Compression = TransferOptions.Compression(parsed.GetValue(Compress)),
        BackingFile = parsed.GetValue(BackingFile),
        BackingFormat = parsed.GetValue(BackingFormat),
    };
}
