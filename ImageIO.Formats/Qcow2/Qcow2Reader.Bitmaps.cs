using System.Runtime.CompilerServices;
using System.Text;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Formats.Qcow2;

public sealed partial class Qcow2Reader
{
    private const int BitmapEntryBytes = 24;
    private const uint BitmapInUse = 1;

    /// <summary>The bitmaps that the image holds, by name and granularity.</summary>
    public async ValueTask<IReadOnlyList<Qcow2Bitmap>> ReadBitmapsAsync(CancellationToken cancellationToken) =>
        [.. (await ReadDirectoryAsync(cancellationToken).ConfigureAwait(false)).Select(entry => entry.Bitmap)];

    /// <summary>
    /// The extents of a bitmap: dirty or not, and zero or not. Lower layers are searched, too, as by qemu-nbd.
    /// </summary>
    /// <param name="name">The bitmap's name.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: there is no such bitmap.
    /// <see cref="TransferError.ImageUnavailable"/>: it is damaged, or was not saved when the image was
    /// closed.</exception>
    public async IAsyncEnumerable<Extent> GetDirtyExtentsAsync(
        string name, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        (Qcow2Reader layer, BitmapEntry bitmap) = await FindBitmapAsync(name, cancellationToken).ConfigureAwait(false);
        await using var zeroes = new ExtentCursor(this, ExtentContext.Zero, cancellationToken);
        var pending = new Extent(new ByteRange(0, 0), ExtentFlags.None);
        IAsyncEnumerable<(ByteRange Range, bool IsDirty)> bits = layer.ReadBitsAsync(bitmap, Size, cancellationToken);
        await foreach ((ByteRange range, bool isDirty) in bits.ConfigureAwait(false))
        {
            for (long position = range.Start; position < range.End;)
            {
                Extent shown = await zeroes.AtAsync(position).ConfigureAwait(false);
                long end = Math.Min(range.End, shown.Range.End);
                ExtentFlags flags = (shown.Flags & ExtentFlags.Zero) | (isDirty ? ExtentFlags.Dirty : 0);
                if (flags == pending.Flags || pending.Range.IsEmpty)
                {
                    pending = new Extent(
                        new ByteRange(pending.Range.IsEmpty ? position : pending.Range.Start, end), flags);
                }
                else
                {
                    yield return pending;
                    pending = new Extent(new ByteRange(position, end), flags);
                }

                position = end;
            }
        }

        if (!pending.Range.IsEmpty)
        {
            yield return pending;
        }
    }

    private async ValueTask<(Qcow2Reader Layer, BitmapEntry Bitmap)> FindBitmapAsync(
        string name, CancellationToken cancellationToken)
    {
        var seen = new List<string>();
        for (Qcow2Reader? layer = this; layer is not null; layer = layer._backing?.Backend as Qcow2Reader)
        {
            IReadOnlyList<BitmapEntry> entries = await layer.ReadDirectoryAsync(
                cancellationToken).ConfigureAwait(false);
            if (entries.FirstOrDefault(entry => entry.Bitmap.Name == name) is { } found)
            {
                return (found.Flags & BitmapInUse) == 0
                    ? (layer, found)
                    : throw FormatError.Corrupt(
                        $"qcow2: bitmap {name} was not saved when the image was closed, so it misses changes");
            }

            seen.AddRange(entries.Select(entry => entry.Bitmap.Name));
        }

        throw new TransferException(
            TransferError.InvalidRequest,
            seen.Count == 0
                ? $"qcow2: there is no bitmap {name}, the image has none"
                : $"qcow2: there is no bitmap {name}, there are {string.Join(", ", seen)}");
    }

    private async ValueTask<IReadOnlyList<BitmapEntry>> ReadDirectoryAsync(CancellationToken cancellationToken)
    {
        const int LargestDirectory = 64 * 1024 * 1024;
        var bitmaps = new List<BitmapEntry>();
        if (Header.BitmapCount == 0)
        {
            return bitmaps;
        }

        byte[] directory = new byte[Math.Min(Header.BitmapDirectoryBytes, LargestDirectory)];
        await _file.ReadAsync(directory, Header.BitmapDirectoryOffset, cancellationToken).ConfigureAwait(false);
        for (int position = 0; bitmaps.Count < Header.BitmapCount && position + BitmapEntryBytes <= directory.Length;)
        {
            ReadOnlySpan<byte> entry = directory.AsSpan(position);
            int granularityBits = entry[17];
            int nameLength = (entry[18] << 8) | entry[19];
            long length = (BitmapEntryBytes + Qcow2Header.U32(entry, 20) + nameLength + 7L) & ~7L;
            if (granularityBits > 31 || nameLength is 0 or > 1023 || length > entry.Length)
            {
                throw FormatError.Corrupt($"qcow2: entry {bitmaps.Count} of the bitmap directory is damaged");
            }

            int nameStart = (int)(BitmapEntryBytes + Qcow2Header.U32(entry, 20));
            bitmaps.Add(new BitmapEntry(
                new Qcow2Bitmap(Encoding.UTF8.GetString(entry.Slice(nameStart, nameLength)), 1L << granularityBits),
                (long)(Qcow2Header.U64(entry, 0) & long.MaxValue),
                Qcow2Header.U32(entry, 8),
                Qcow2Header.U32(entry, 12)));
            position += (int)length;
        }

        return bitmaps;
    }

    // Ranges in ascending order up to a size, which may be that of a larger layer above; what the bitmap does not reach
    // is not dirty.
    private async IAsyncEnumerable<(ByteRange Range, bool IsDirty)> ReadBitsAsync(
        BitmapEntry bitmap, long size, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long granularity = bitmap.Bitmap.Granularity;
        long bits = Qcow2Layout.DivideUp(Size, granularity);
        long clusters = Qcow2Layout.DivideUp(Qcow2Layout.DivideUp(bits, 8), Header.ClusterSize);
        if (bitmap.TableEntries != clusters || clusters > Qcow2Header.LargestL1Table / 8)
        {
            throw FormatError.Corrupt(
                $"qcow2: the table of bitmap {bitmap.Bitmap.Name} has {bitmap.TableEntries} entries, not {clusters}");
        }

        if (bitmap.TableOffset % Header.ClusterSize != 0 || bitmap.TableOffset > _file.Backend.Size - (clusters * 8))
        {
            throw FormatError.Corrupt(
                $"qcow2: the table of bitmap {bitmap.Bitmap.Name} at {bitmap.TableOffset}, where none can be");
        }

        ulong[] table = await Qcow2Tables.ReadTableAsync(
            _file, bitmap.TableOffset, (int)clusters, cancellationToken).ConfigureAwait(false);
        byte[] cluster = new byte[Header.ClusterSize];
        long bitsInCluster = Header.ClusterSize * 8L;
        for (long i = 0; i < clusters; i++)
        {
            long first = i * bitsInCluster;
            long count = Math.Min(bitsInCluster, bits - first);
            long offset = (long)(table[i] & ClusterEntry.OffsetMask);
            if (offset == 0)
            {
                yield return (Cut(first, count), (table[i] & 1) != 0);
                continue;
            }

            if (offset % Header.ClusterSize != 0 || offset > _file.Backend.Size - Header.ClusterSize)
            {
                throw FormatError.Corrupt(
                    $"qcow2: a part of bitmap {bitmap.Bitmap.Name} at {offset}, where none can be");
            }

            await _file.ReadAsync(cluster, offset, cancellationToken).ConfigureAwait(false);
            for (long start = 0; start < count;)
            {
                bool isSet = IsSet(cluster, start);
                long end = RunEnd(cluster, start, count, isSet);
                yield return (Cut(first + start, end - start), isSet);
                start = end;
            }
        }

        if (Size < size)
        {
            yield return (new ByteRange(Size, size), false);
        }

        ByteRange Cut(long bit, long length) => new(
            Math.Min(bit * granularity, Math.Min(Size, size)), Math.Min(
                (bit + length) * granularity, Math.Min(Size, size)));
    }

    private static bool IsSet(byte[] bytes, long bit) => (bytes[bit / 8] & (1 << (int)(bit % 8))) != 0;

    private static long RunEnd(byte[] bytes, long start, long count, bool isSet)
    {
        byte whole = (byte)(isSet ? 0xff : 0);
        long bit = start + 1;
        while (bit < count)
        {
            if (bit % 8 == 0 && bytes[bit / 8] == whole)
            {
                int rest = bytes.AsSpan((int)(bit / 8)).IndexOfAnyExcept(whole);
                bit = rest < 0 ? count : bit + (rest * 8L);
                continue;
            }

            if (IsSet(bytes, bit) != isSet)
            {
                return bit;
            }

            bit++;
        }

        return count;
    }

    private sealed record BitmapEntry(Qcow2Bitmap Bitmap, long TableOffset, uint TableEntries, uint Flags);
}
