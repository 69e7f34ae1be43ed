using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Core.Operations;

/// <summary>Advances through the image's zero extents as the positions asked for ascend.</summary>
internal sealed class ZeroRanges(ImageHandle image, CancellationToken cancellationToken) : IAsyncDisposable
{
    private readonly IAsyncEnumerator<Extent>? _extents = image.Capabilities.HasZeroExtents
        ? image.GetExtentsAsync(ExtentContext.Zero, cancellationToken).GetAsyncEnumerator(cancellationToken)
        : null;

    // The run of adjacent zero extents at or before the last position asked for.
    private ByteRange _zero;
    private bool _ended;

    /// <summary>Where the zeroes end that begin before the range or with it, as far as is known.</summary>
    /// <param name="range">Not before the one asked for last.</param>
    /// <returns>The start of the range if not all of its bytes are known to be zero.</returns>
    public async ValueTask<long> EndOfZeroesAsync(ByteRange range)
    {
        while (_extents is not null && !_ended && _zero.End < range.End)
        {
            if (!await _extents.MoveNextAsync())
            {
                _ended = true;
            }
            else if (_extents.Current.Flags.HasFlag(ExtentFlags.Zero))
            {
                ByteRange found = _extents.Current.Range;
                _zero = found.Start == _zero.End ? new ByteRange(_zero.Start, found.End) : found;
            }
            else if (_extents.Current.Range.End >= range.End)
            {
                // Data up to the end of the range or beyond: the next extents are not needed.
                _zero = new ByteRange(_extents.Current.Range.End, _extents.Current.Range.End);
            }
        }

        return _zero.Start <= range.Start && range.End <= _zero.End ? _zero.End : range.Start;
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _extents?.DisposeAsync() ?? ValueTask.CompletedTask;
}
