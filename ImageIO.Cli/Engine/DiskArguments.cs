using System.CommandLine;
using ImageIO.Client;
using ImageIO.Client.Engine;

namespace ImageIO.CommandLine.Engine;

/// <summary>The options of a new disk.</summary>
internal sealed class DiskArguments
{
    private const int IsoDescriptor = 0x8000;

    public DiskArguments() => Format.AcceptOnlyFromAmong("raw", "qcow2");

    public Option<string?> StorageDomain { get; } = new("--storage-domain", "-s")
    {
        Description = "Storage domain for the disk",
        HelpName = "NAME",
    };

    public Option<string> Format { get; } = new(
        "--format",
        "-f")
    { Description = "Format of the disk", HelpName = "raw|qcow2", DefaultValueFactory = _ => "qcow2" };

    public Option<bool> Preallocated { get; } = new("--preallocated") { Description = "Take all space at once" };

    public Option<string?> DiskId { get; } = new("--disk-id") { Description = "Id of the new disk", HelpName = "UUID" };

    public Option<string?> Name { get; } = new("--name")
    {
        Description = "Name of the disk; the file's name by default",
        HelpName = "NAME",
    };

    public IEnumerable<Option> All => [StorageDomain, Format, Preallocated, DiskId, Name];

    /// <summary>A disk for an image.</summary>
    public async Task<NewDisk> ForAsync(
        ParseResult parsed, ImageFile image, string description, CancellationToken cancellationToken)
    {
        NewDisk disk = Empty(parsed, image.VirtualSize, description) with
        {
            Name = parsed.GetValue(Name) ?? Path.GetFileNameWithoutExtension(image.Path),
        };
        if (image.Format == "raw" && await IsIsoAsync(image, cancellationToken))
        {
            return disk with { IsIso = true, IsQcow2 = false, IsSparse = false };
        }

        return disk is { IsQcow2: true, IsSparse: true }
            ? disk with { InitialSize = (await image.MeasureAsync(cancellationToken)).Required }
            : disk;
    }

    /// <summary>A disk without content.</summary>
    public NewDisk Empty(ParseResult parsed, long size, string description) => new()
    {
        Id = parsed.GetValue(DiskId),
        Name = parsed.GetValue(Name) ?? "disk",
        Description = description,
        StorageDomain = parsed.GetValue(StorageDomain) ?? "",
        VirtualSize = size,
        IsQcow2 = parsed.GetValue(Format) == "qcow2",
        IsSparse = !parsed.GetValue(Preallocated),
    };

    // ISO 9660: the first volume descriptor, of type 1 and version 1.
    private static async Task<bool> IsIsoAsync(ImageFile image, CancellationToken cancellationToken)
    {
        if (image.VirtualSize < IsoDescriptor + 8)
        {
            return false;
        }

        return (await image.ReadAsync(IsoDescriptor, 8, cancellationToken)).AsSpan().SequenceEqual(
            (ReadOnlySpan<byte>)[1, 0x43, 0x44, 0x30, 0x30, 0x31, 1, 0]);
    }
}
