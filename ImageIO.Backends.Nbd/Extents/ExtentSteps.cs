using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Nbd.Extents;

/// <summary>
/// Steps through the lists of one reply together. Each covers less or more than was asked, each to another end; the
/// shortest one counts.
/// </summary>
internal struct ExtentSteps
{
    private const uint ReadsAsZeroes = 1 << 1; // of base:allocation; bit 0, a hole, does not promise zeroes
    private const uint IsDirty = 1; // of qemu:dirty-bitmap

    private readonly bool _wantsDirty;
    private readonly bool _hasDepth;
    private StatusCursor _allocation;
    private StatusCursor _depth;
    private StatusCursor _dirty;
    private long _position;

    /// <summary>Starts before the first step.</summary>
    /// <param name="reply">The server's reply for <paramref name="range"/>.</param>
    /// <param name="range">The requested range.</param>
    /// <param name="context">The requested flags.</param>
    public ExtentSteps(StatusReply reply, ByteRange range, ExtentContext context)
    {
        _wantsDirty = context == ExtentContext.Dirty;
        _hasDepth = !_wantsDirty && reply.Depth.Count > 0;
        _allocation = new StatusCursor(reply.Allocation.Count > 0 ? reply.Allocation : null);
        _depth = new StatusCursor(_hasDepth ? reply.Depth : null);
        _dirty = new StatusCursor(_wantsDirty ? reply.Dirty : null);
        _position = range.Start;
        long shortest = Math.Min(_allocation.TotalLength, Math.Min(_depth.TotalLength, _dirty.TotalLength));
        End = range.Start + Math.Min(range.Length, shortest);
    }

    /// <summary>Where the last step ends.</summary>
    public long End { get; }

    /// <summary>
    /// The next range in which no fact changes. False: the server has to be asked again from where the last one ended.
    /// </summary>
    public bool TryNext(out Extent extent)
    {
        long left = Math.Min(End - _position, Math.Min(_allocation.Left, Math.Min(_depth.Left, _dirty.Left)));
        if (left == 0)
        {
            extent = default;
            return false;
        }

        extent = new Extent(ByteRange.At(_position, left), Flags());
        _position += left;
        _allocation.Advance(left);
        _depth.Advance(left);
        _dirty.Advance(left);
        return true;
    }

    private readonly ExtentFlags Flags()
    {
        ExtentFlags flags = (_allocation.Flags & ReadsAsZeroes) != 0 ? ExtentFlags.Zero : ExtentFlags.None;
        if (_hasDepth && _depth.Flags == 0)
        {
            flags |= ExtentFlags.Hole;
        }

        return _wantsDirty && (_dirty.Flags & IsDirty) != 0 ? flags | ExtentFlags.Dirty : flags;
    }
}
