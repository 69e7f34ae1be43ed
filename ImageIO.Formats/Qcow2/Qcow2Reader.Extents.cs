using System.Runtime.CompilerServices;
using System.Text;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Formats.Qcow2;

public sealed partial class Qcow2Reader
{
    // Most guest bytes per step. Cancelling works between steps.
    private const long ExtentStep = 1L << 40;

    /// <inheritdoc />
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using ExtentCursor? below = _backing is null ? null : new ExtentCursor(_backing.Backend, context, cancellationToken);
        Extent? pending = null;
        for (long position = 0; position < Size;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ClusterRun run = await _tables.FindAsync(position, Math.Min(ExtentStep, Size - position), cancellationToken)
                .ConfigureAwait(false);
            Extent extent = await ExtentOfAsync(run, position, below).ConfigureAwait(false);
            position = extent.Range.End;
            if (pending is { } before && before.Flags == extent.Flags)
            {
                pending = new Extent(new ByteRange(before.Range.Start, position), extent.Flags);
                continue;
            }

            if (pending is { } done)
            {
                yield return done;
            }

            pending = extent;
        }

        if (pending is { } last)
        {
            yield return last;
        }
    }

    /// <summary>The bitmaps in the image.</summary>
    public async ValueTask<IReadOnlyList<Qcow2Bitmap>> ReadBitmapsAsync(CancellationToken cancellationToken)
    {
        const int EntryBytes = 24, LargestDirectory = 64 * 1024 * 1024;
        var bitmaps = new List<Qcow2Bitmap>();
        if (Header.BitmapCount == 0)
        {
            return bitmaps;
        }

        byte[] directory = new byte[Math.Min(Header.BitmapDirectoryBytes, LargestDirectory)];
        await _file.ReadAsync(directory, Header.BitmapDirectoryOffset, cancellationToken).ConfigureAwait(false);
        for (int position = 0; bitmaps.Count < Header.BitmapCount && position + EntryBytes <= directory.Length;)
        {
            ReadOnlySpan<byte> entry = directory.AsSpan(position);
            int granularityBits = entry[17];
            int nameLength = (entry[18] << 8) | entry[19];
            long length = (EntryBytes + Qcow2Header.U32(entry, 20) + nameLength + 7L) & ~7L;
            if (granularityBits > 31 || nameLength is 0 or > 1023 || length > entry.Length)
            {
                throw FormatError.Corrupt($"qcow2: entry {bitmaps.Count} of the bitmap directory is damaged");
            }

            int nameStart = (int)(EntryBytes + Qcow2Header.U32(entry, 20));
            bitmaps.Add(new Qcow2Bitmap(Encoding.UTF8.GetString(entry.Slice(nameStart, nameLength)), 1L << granularityBits));
            position += (int)length;
        }

        return bitmaps;
    }

    private static async ValueTask<Extent> ExtentOfAsync(ClusterRun run, long position, ExtentCursor? below)
    {
        var range = ByteRange.At(position, run.Length);
        switch (run.Kind)
        {
            case ClusterKind.Zero:
                return new Extent(range, ExtentFlags.Zero);
            case ClusterKind.Unallocated when below is null:
                return new Extent(range, ExtentFlags.Zero | ExtentFlags.Hole);
            case ClusterKind.Unallocated:
                Extent shown = await below.AtAsync(position).ConfigureAwait(false);
                return new Extent(new ByteRange(position, Math.Min(range.End, shown.Range.End)), shown.Flags);
            default:
                return new Extent(range, ExtentFlags.None);
        }
    }
}
