using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Formats.Ova;
using ImageIO.Formats.Qcow2;

namespace ImageIO.Fuzz.Targets;

/// <summary>An untrusted qcow2 image or archive: it must be read in bounded time, or refused with a reason.</summary>
internal static class Qcow2Target
{
    // An image of a few bytes may describe terabytes of holes, so only its start is examined.
    private const int MostExtents = 200;
    private const int MostReads = 16;
    private const int MostBitmaps = 4;

    /// <summary>Opens an image, walks over its extents and reads some of them.</summary>
    public static void Read(byte[] input) => FuzzTarget.MayRefuse(
        () => ReadAsync(input).GetAwaiter().GetResult(), TransferError.ImageUnavailable, TransferError.NotSupported);

    /// <summary>Lists the members of an archive.</summary>
    public static void Tar(byte[] input) => FuzzTarget.MayRefuse(
        () =>
        {
            IReadOnlyList<TarMember> members =
                TarArchive.ReadAsync(new BytesBackend(input), CancellationToken.None).AsTask().GetAwaiter().GetResult();
            FuzzTarget.MustHold(
                members.All(
                    member => member.Offset >= 512 && member.Size >= 0 && member.Offset + member.Size <= input.Length),
                "members lie in the archive");
        },
        TransferError.ImageUnavailable);

    private static async Task ReadAsync(byte[] input)
    {
        await using Qcow2Reader image = await Qcow2Reader.OpenAsync(
            new BytesBackend(input),
            (_, _) => ValueTask.FromResult<IBackend>(new BytesBackend(new byte[1000])),
            CancellationToken.None).ConfigureAwait(false);
        IReadOnlyList<Qcow2Bitmap> bitmaps = await image.ReadBitmapsAsync(CancellationToken.None).ConfigureAwait(false);
        foreach (Qcow2Bitmap bitmap in bitmaps.Take(MostBitmaps))
        {
            await WalkAsync(image, bitmap).ConfigureAwait(false);
        }

        long position = 0;
        int extents = 0;
        byte[] buffer = new byte[70_000];
        await foreach (Extent extent in image.GetExtentsAsync(
            ExtentContext.Zero, CancellationToken.None).ConfigureAwait(false))
        {
            FuzzTarget.MustHold(extent.Range.Start == position && !extent.Range.IsEmpty, "extents have no gaps");
            position = extent.Range.End;
            if (extents < MostReads)
            {
                Memory<byte> piece = buffer.AsMemory(0, (int)Math.Min(buffer.Length, extent.Range.Length));
                piece.Span.Fill(1);
                await image.ReadAsync(piece, extent.Range.Start, CancellationToken.None).ConfigureAwait(false);
                FuzzTarget.MustHold(
                    !extent.Flags.HasFlag(ExtentFlags.Zero)
                        || !piece.Span.ContainsAnyExcept((byte)0), "zero extents read as zeroes");
            }

            if (++extents == MostExtents)
            {
                return;
            }
        }

        FuzzTarget.MustHold(position == image.Size, "extents cover the image");
    }

    private static async Task WalkAsync(Qcow2Reader image, Qcow2Bitmap bitmap)
    {
        long position = 0;
        int extents = 0;
        await foreach (
            Extent extent in image.GetDirtyExtentsAsync(bitmap.Name, CancellationToken.None).ConfigureAwait(false))
        {
            FuzzTarget.MustHold(extent.Range.Start == position && !extent.Range.IsEmpty, "what changed has no gaps");
            position = extent.Range.End;
            if (++extents == MostExtents)
            {
                return;
            }
        }

        FuzzTarget.MustHold(position == image.Size, "what changed or not covers the image");
    }
}
