using System.Runtime.CompilerServices;
using ImageIO.Backends.Rbd.Clusters;
using ImageIO.Backends.Rbd.Extents;
using ImageIO.Backends.Rbd.Images;
using ImageIO.Backends.Rbd.Native;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;

namespace ImageIO.Backends.Rbd;

internal sealed partial class RbdBackend
{
    /// <inheritdoc />
    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool compares = context == ExtentContext.Dirty;
        var reader = new DiffReader(_image, compares ? _image.FromSnapshot : null, ModeFor(compares));
        PresenceCheck? check = compares ? _image.WhenComparing : _image.WhenReading;

        if (reader.Size == 0 && check is not null)
        {
            await check.ConfirmAsync(); // a snapshot that was removed has no size
        }

        // One part is handed out while the next one is read.
        Task<DiffPart>? reading = reader.Size > 0 ? StartNext(reader) : null;
        try
        {
            while (reading is not null)
            {
                cancellationToken.ThrowIfCancellationRequested();
                DiffPart part = await PartAsync(reading);
                reading = reader.IsAtEnd ? null : StartNext(reader);
                if (reading is null && check is not null)
                {
                    // A snapshot that was removed meanwhile looks like one full of zeroes.
                    await check.ConfirmAsync();
                }

                foreach (Extent extent in Extents(part, compares))
                {
                    yield return extent;
                }
            }
        }
        finally
        {
            // A caller that leaves early: nothing of it is under way when the image is closed, if the cluster answers.
            await ((Task?)reading ?? Task.CompletedTask).WaitAsync(Longest, _settings.Time, CancellationToken.None)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private DiffMode ModeFor(bool compares)
    {
        if (!_image.HasFastDiff || _fastDiff == FastDiff.Never)
        {
            return DiffMode.Objects;
        }

        return compares
            ? _fastDiff == FastDiff.Always ? DiffMode.Maps : DiffMode.Objects
            : DiffMode.MapsThenObjects;
    }

    private static Task<DiffPart> StartNext(DiffReader reader) => BlockingCall.RunAsync("rbd-diff", reader.Next);

    private async Task<DiffPart> PartAsync(Task<DiffPart> reading)
    {
        try
        {
            return await InTimeAsync("rbd_diff_iterate2", reading);
        }
        catch (RbdException e)
        {
            throw _image.Failure(e.Call, e.Result);
        }
    }

    private static IEnumerable<Extent> Extents(DiffPart part, bool compares)
    {
        ExtentFlags between = compares ? ExtentFlags.None : ExtentFlags.Zero;
        ExtentFlags data = compares ? ExtentFlags.Dirty : ExtentFlags.None;
        ExtentFlags zeroed = data | ExtentFlags.Zero;
        long position = part.Range.Start;
        foreach (DiffRange found in part.Found)
        {
            if (found.Range.Start > position)
            {
                yield return new Extent(new ByteRange(position, found.Range.Start), between);
            }

            yield return new Extent(found.Range, found.HasData ? data : zeroed);
            position = found.Range.End;
        }

        if (position < part.Range.End)
        {
            yield return new Extent(new ByteRange(position, part.Range.End), between);
        }
    }
}
