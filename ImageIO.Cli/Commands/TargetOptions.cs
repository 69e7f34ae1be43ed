using System.CommandLine;
using ImageIO.Client;
using ImageIO.Client.Local;
using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Commands;

/// <summary>The options for the file that a download writes.</summary>
internal sealed class TargetOptions
{
    public Option<string> Format { get; } = new("--format", "-f")
    {
        Description = "Format of FILE",
        HelpName = "raw|qcow2",
        DefaultValueFactory = _ => "raw",
    };

    public Option<string?> Compress { get; } = new("--compress")
    {
        Description = "Pack the clusters of qcow2",
        HelpName = "zlib|zstd",
    };

    public Option<string?> BackingFile { get; } = new("--backing-file")
    {
        Description = "Backing file of the new qcow2 image",
        HelpName = "FILE",
    };

    public Option<string?> BackingFormat { get; } = new("--backing-format")
    {
        Description = "Its format",
        HelpName = "FORMAT",
    };

    public Option<bool> Incremental { get; } = new("--incremental")
    {
        Description = "Download only what changed since the checkpoint; needs --backing-file or --in-place",
    };

    public Option<bool> InPlace { get; } = new("--in-place")
    {
        Description = "Write into FILE, an image that exists; all but raw need qemu-nbd",
    };

    public Option<bool> Force { get; } = new("--force") { Description = "Replace FILE if it exists" };

    public TargetOptions()
    {
        Format.AcceptOnlyFromAmong("raw", "qcow2");
        Compress.AcceptOnlyFromAmong("zlib", "zstd");
    }

    public IEnumerable<Option> All => [Format, Compress, BackingFile, BackingFormat, Incremental, InPlace, Force];

    /// <summary>Throws for contradictory options, before anything is opened.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>.</exception>
    public void Check(ParseResult parsed, string path, string format, string? resume)
    {
        bool isQcow2 = format == "qcow2";
        string? wrong =
            !isQcow2 && (parsed.GetValue(Compress) ?? parsed.GetValue(BackingFile)) is not null
                ? "--compress and --backing-file need --format qcow2"
            : parsed.GetValue(InPlace) && (parsed.GetValue(Compress) ?? parsed.GetValue(BackingFile)) is not null
                ? "--compress and --backing-file are of a new image, so they do not go with --in-place"
            : parsed.GetValue(Incremental) && parsed.GetValue(BackingFile) is null && !parsed.GetValue(InPlace)
                ? "--incremental needs what did not change: --format qcow2 and --backing-file, or --in-place"
            : parsed.GetValue(InPlace) && !File.Exists(path)
                ? $"There is no image {path} to be written into; without --in-place it is created"
            : parsed.GetValue(InPlace)
                ? null
            : File.Exists(path) && !parsed.GetValue(Force)
            && !(resume is not null && File.Exists(resume)) && !LocalStorage.IsBlockDevice(path)
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
        IsInPlace = parsed.GetValue(InPlace),
    };
}
