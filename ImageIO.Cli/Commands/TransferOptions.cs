using System.CommandLine;
using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.CommandLine.Output;
using ImageIO.Core.Errors;
using ImageIO.Formats.Qcow2;

namespace ImageIO.CommandLine.Commands;

/// <summary>The options of every command that moves an image.</summary>
internal sealed class TransferOptions
{
    public Option<string?> CaFile { get; } = new("--cafile")
    {
        Description = "File with the authorities' certificates (PEM)",
        HelpName = "FILE",
    };

    public Option<bool> Insecure { get; } = new("--insecure")
    {
        Description = "Accept any certificate, and plain HTTP",
    };

    public Option<string?> ProxyUrl { get; } = new("--proxy-url")
    {
        Description = "The transfer's URL at a proxy, if the host is out of reach",
        HelpName = "URL",
    };

    public Option<int> MaxWorkers { get; } = new("--max-workers")
    {
        Description = "Connections that move data at once, 1 to 8",
        HelpName = "N",
        DefaultValueFactory = _ => 4,
    };

    public Option<string> BufferSize { get; } = new("--buffer-size")
    {
        Description = "Bytes that each of them reads ahead, 64k to 16m",
        HelpName = "SIZE",
        DefaultValueFactory = _ => "4m",
    };

    public Option<bool> Verify { get; } = new("--verify") { Description = "Compare checksums at the end" };

    public Option<string?> Resume { get; } = new("--resume")
    {
        Description = "Remember in this file what is done, and go on from there",
        HelpName = "STATE",
    };

    public Option<int> Retry { get; } = new("--retry")
    {
        Description = "Attempts in a row that may bring nothing",
        HelpName = "N",
        DefaultValueFactory = _ => 5,
    };

    public Option<string?> LimitRate { get; } = new("--limit-rate")
    {
        Description = "Most bytes a second",
        HelpName = "SIZE",
    };

    public Option<bool> DestinationIsZero { get; } = new("--destination-is-zero")
    {
        Description = "The destination reads as zeroes already",
    };

    public Option<string> Output { get; } = new("--output", "-o")
    {
        Description = "Form of the progress",
        HelpName = "text|json",
        DefaultValueFactory = _ => "text",
    };

    public TransferOptions()
    {
        Output.AcceptOnlyFromAmong("text", "json");
        MaxWorkers.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 8)
            {
                result.AddError("--max-workers must be from 1 to 8");
            }
        });
        BufferSize.Validators.Add(result =>
        {
            if (!ByteSize.TryParse(result.GetValueOrDefault<string>()!, out long bytes)
                || bytes is < 64 * 1024 or > 16 * 1024 * 1024)
            {
                result.AddError("--buffer-size must be from 64k to 16m");
            }
        });
    }

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All =>
    [
        CaFile, Insecure, ProxyUrl, MaxWorkers, BufferSize, Verify, Resume, Retry, LimitRate, DestinationIsZero, Output,
    ];

    /// <summary>How the server is reached.</summary>
    public TransferClientOptions Client(ParseResult parsed)
    {
        var options = new TransferClientOptions
        {
            CaFile = parsed.GetValue(CaFile),
            IsInsecure = parsed.GetValue(Insecure),
            ProxyUrl = parsed.GetValue(ProxyUrl),
        };
        SystemAuthorities.SkipUnlessAsked(options.CaFile, options.IsInsecure);
        return options;
    }

    /// <summary>How the image is copied.</summary>
    public CopyOptions Copy(ParseResult parsed) => new()
    {
        MaxWorkers = parsed.GetValue(MaxWorkers),
        BufferSize = (int)Size(parsed.GetValue(BufferSize)!, "--buffer-size"),
        Retries = parsed.GetValue(Retry),
        BytesPerSecond = parsed.GetValue(LimitRate) is { } rate ? Math.Max(1, Size(rate, "--limit-rate")) : null,
        Verifies = parsed.GetValue(Verify),
        IsDestinationZero = parsed.GetValue(DestinationIsZero),
        ResumeFile = parsed.GetValue(Resume),
    };

    /// <summary>Shows the progress on standard output.</summary>
    public ProgressWriter Progress(ParseResult parsed) => new(
        Console.Out,
        parsed.GetValue(Output)
            == "json" ? ProgressStyle.Json : Console.IsOutputRedirected ? ProgressStyle.PlainText : ProgressStyle.Text,
        TimeProvider.System);

    /// <summary>Reads a number of bytes.</summary>
    public static long Size(string text, string option) => ByteSize.TryParse(text, out long bytes)
        ? bytes
        : throw new TransferException(
            TransferError.InvalidRequest, $"{option} {text} is no size; expected is one like 512k, 4m or 10g");

    /// <summary>Reads the name of a compression.</summary>
    public static Qcow2Compression Compression(string? name) => name switch
    {
        null => Qcow2Compression.None,
        "zlib" => Qcow2Compression.Zlib,
        _ => Qcow2Compression.Zstd,
    };
}
