using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Rbd.Extents;

/// <summary>rbd_diff_iterate2 on a part of an image. Blocks.</summary>
internal static class DiffCall
{
    /// <summary>The ranges with data, or those that changed since a snapshot; in order, within the part.</summary>
    /// <param name="image">The image.</param>
    /// <param name="from">The snapshot. Null: search for data.</param>
    /// <param name="part">The part to search: not empty, and within the image.</param>
    /// <param name="wholeObjects">Compare object maps if there are some; ranges are whole objects then.</param>
    /// <exception cref="RbdException">It failed.</exception>
    public static unsafe List<DiffRange> Run(RbdImageHandle image, string? from, ByteRange part, bool wholeObjects)
    {
        var found = new List<DiffRange>();
        var self = GCHandle.Alloc(found);
        try
        {
            // The parent is included, because ranges that a clone has zeroed over its parent would be missing
            // otherwise.
            RbdException.ThrowIfError("rbd_diff_iterate2", LibRbd.Diff(
                image,
                from,
                (ulong)part.Start,
                (ulong)part.Length,
                includeParent: 1,
                wholeObject: (byte)(wholeObjects ? 1 : 0),
                &Found,
                GCHandle.ToIntPtr(self)));
        }
        finally
        {
            self.Free();
        }

        return InOrder(found, part);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Found(ulong offset, nuint length, int exists, nint argument)
    {
        var found = (List<DiffRange>)GCHandle.FromIntPtr(argument).Target!;
        lock (found)
        {
            found.Add(new DiffRange(ByteRange.At((long)offset, (long)length), exists != 0));
        }

        return 0;
    }

    // Ranges of striped images come out of order.
    private static List<DiffRange> InOrder(List<DiffRange> found, ByteRange part)
    {
        found.Sort((a, b) => a.Range.Start.CompareTo(b.Range.Start));
        var result = new List<DiffRange>(found.Count);
        long position = part.Start;
        foreach (DiffRange each in found)
        {
            long start = Math.Max(position, each.Range.Start);
            long end = Math.Min(part.End, each.Range.End);
            if (start >= end)
            {
                continue;
            }

            if (result.Count > 0 && result[^1] is var last && last.Range.End == start && last.HasData == each.HasData)
            {
                result[^1] = new DiffRange(new ByteRange(last.Range.Start, end), each.HasData);
            }
            else
            {
                result.Add(new DiffRange(new ByteRange(start, end), each.HasData));
            }

            position = end;
        }

        return result;
    }
}
