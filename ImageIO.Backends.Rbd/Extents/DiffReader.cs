using ImageIO.Backends.Rbd.Images;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Rbd.Extents;

/// <summary>Searches an image part by part. Blocks; one thread at a time.</summary>
/// <param name="image">The image.</param>
/// <param name="from">The snapshot to compare with. Null: search for data.</param>
/// <param name="mode">Whether to use object maps.</param>
internal sealed class DiffReader(OpenImage image, string? from, DiffMode mode)
{
    // Object maps are fast, so a cancel is noticed soon. Without maps 1 TiB takes 5 s.
    private const long StepWithMaps = 64L << 30;
    private const long StepWithoutMaps = 1L << 30;

    // Objects that exist by their map and were not examined yet.
    private readonly Queue<ByteRange> _objects = new();
    private long _mappedTo;
    private long _position;

    /// <summary>Size of the image when the reader was created, where it ends.</summary>
    public long Size { get; } = image.Size;

    /// <summary>Whether there is nothing more to read.</summary>
    public bool IsAtEnd => _position == Size;

    /// <summary>Reads the next part.</summary>
    /// <exception cref="RbdException">It failed.</exception>
    /// <exception cref="TransferException">The image was cut.</exception>
    public DiffPart Next()
    {
        long now = image.Size;
        if (now < Size)
        {
            // librbd aborts the process that asks about a range outside the image.
            throw new TransferException(
                TransferError.StorageFailed, $"{image.Description} was cut to {now} bytes while its extents were read");
        }

        return mode == DiffMode.MapsThenObjects
            && !MayTrustMaps() ? NextBy(wholeObjects: false, StepWithoutMaps) : mode switch
            {
                DiffMode.Objects => NextBy(wholeObjects: false, StepWithoutMaps),
                DiffMode.Maps => NextBy(wholeObjects: true, StepWithMaps),
                _ => NextByMapsThenObjects(),
            };
    }

    // The flags tell that a map is wrong.
    private bool MayTrustMaps() => LibRbd.GetFlags(image.Handle, out ulong flags) == 0 && flags == 0;

    private DiffPart NextBy(bool wholeObjects, long step)
    {
        var part = new ByteRange(_position, StepEnd(_position, step));
        _objects.Clear();
        _mappedTo = part.End;
        _position = part.End;
        return new DiffPart(part, DiffCall.Run(image.Handle, from, part, wholeObjects));
    }

    private DiffPart NextByMapsThenObjects()
    {
        if (_objects.Count == 0 && _mappedTo <= _position)
        {
            var step = new ByteRange(_position, StepEnd(_position, StepWithMaps));
            DiffCall.Run(image.Handle, from, step, wholeObjects: true).ForEach(each => _objects.Enqueue(each.Range));
            _mappedTo = step.End;
        }

        var found = new List<DiffRange>();
        long start = _position;
        long looked = 0;
        while (_objects.TryDequeue(out ByteRange run))
        {
            long end = Math.Min(run.End, StepEnd(run.Start, StepWithoutMaps - looked));
            found.AddRange(DiffCall.Run(image.Handle, from, new ByteRange(run.Start, end), wholeObjects: false));
            looked += end - run.Start;
            _position = end;
            if (end < run.End)
            {
                // The remaining bytes belong to the next part.
                PutBack(new ByteRange(end, run.End));
            }

            if (looked >= StepWithoutMaps)
            {
                break;
            }
        }

        if (_objects.Count == 0)
        {
            _position = _mappedTo;
        }

        return new DiffPart(new ByteRange(start, _position), found);
    }

    private void PutBack(ByteRange rest)
    {
        ByteRange[] others = [.. _objects];
        _objects.Clear();
        _objects.Enqueue(rest);
        Array.ForEach(others, _objects.Enqueue);
    }

    // Steps end where the pattern of objects repeats, so no object is asked about twice.
    private long StepEnd(long start, long step)
    {
        long period = image.Layout.Period;
        long end = (start + Math.Max(step, period)) / period * period;
        return Math.Min(Size, Math.Max(end, start + 1));
    }
}
