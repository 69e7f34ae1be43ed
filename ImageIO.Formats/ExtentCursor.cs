using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Formats;

/// <summary>Looks up the extents of ascending positions.</summary>
internal sealed class ExtentCursor(IBackend backend, ExtentContext context, CancellationToken cancellationToken)
    : IAsyncDisposable
{
    private readonly IAsyncEnumerator<Extent> _extents = backend.GetExtentsAsync(context, cancellationToken)
        .GetAsyncEnumerator(cancellationToken);
    private Extent _current;

    /// <summary>The rest of the extent at <paramref name="position"/>. Behind the image's end: an endless
    /// hole.</summary>
    public async ValueTask<Extent> AtAsync(long position)
    {
        while (_current.Range.End <= position)
        {
            if (!await _extents.MoveNextAsync().ConfigureAwait(false))
            {
                _current = new Extent(new ByteRange(position, long.MaxValue), ExtentFlags.Zero | ExtentFlags.Hole);
                break;
            }

            _current = _extents.Current;
        }

        return new Extent(new ByteRange(Math.Max(position, _current.Range.Start), _current.Range.End), _current.Flags);
    }

    public ValueTask DisposeAsync() => _extents.DisposeAsync();
}
