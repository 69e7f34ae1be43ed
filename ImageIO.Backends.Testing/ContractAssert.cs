using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using Xunit;

namespace ImageIO.Backends.Testing;

/// <summary>Comparisons for the contract suites, with messages that name the first wrong byte.</summary>
internal static class ContractAssert
{
    /// <summary>Random bytes, the same for the same seed.</summary>
    public static byte[] Pattern(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    // Assert.Equal would spend a minute on the message for a mebibyte.
    public static void AssertSame(ReadOnlyMemory<byte> expected, ReadOnlyMemory<byte> actual, string what)
    {
        Assert.True(expected.Length == actual.Length, $"{what}: expected {expected.Length} bytes, got {actual.Length}");
        int same = expected.Span.CommonPrefixLength(actual.Span);
        Assert.True(
            same == expected.Length,
            same == expected.Length ? "" : $"{what}: byte {same} is {actual.Span[same]:x2}, expected "
                + $"{expected.Span[same]:x2}");
    }

    public static void AssertZero(ReadOnlyMemory<byte> actual, string what)
    {
        int other = actual.Span.IndexOfAnyExcept((byte)0);
        Assert.True(other < 0, $"{what}: byte {other} of {actual.Length} is not zero");
    }

    public static void AssertCovers(IReadOnlyList<Extent> extents, long size)
    {
        long position = 0;
        foreach (Extent extent in extents)
        {
            Assert.True(extent.Range.Start == position, $"extent {extent.Range} does not begin at {position}");
            Assert.False(extent.Range.IsEmpty, $"extent {extent.Range} is empty");
            position = extent.Range.End;
        }

        Assert.True(position == size, $"extents end at {position}, the image at {size}");
    }

    public static async ValueTask<List<Extent>> ExtentsAsync(
        IBackend backend, ExtentContext context = ExtentContext.Zero)
    {
        var extents = new List<Extent>();
        await foreach (Extent extent in backend.GetExtentsAsync(context, CancellationToken.None))
        {
            extents.Add(extent);
        }

        return extents;
    }

    public static void AssertNames(IBackendFactory factory)
    {
        Assert.Matches("^[a-z][a-z0-9_]*$", factory.Name);
        Assert.NotEmpty(factory.Schemes);
        Assert.All(factory.Schemes, scheme => Assert.Matches("^[a-z][a-z0-9+.-]*$", scheme));
    }

    public static async Task AssertUnavailableAsync(Func<ValueTask<IBackend>> open)
    {
        TransferException e = await Assert.ThrowsAsync<TransferException>(() => open().AsTask());
        Assert.Equal(TransferError.ImageUnavailable, e.Error);
    }

    // An enumeration that is cancelled throws, or has returned everything.
    public static async Task AssertCancelledExtentsAsync(IBackend backend)
    {
        var extents = new List<Extent>();
        try
        {
            await foreach (Extent extent in backend.GetExtentsAsync(
                ExtentContext.Zero, new CancellationToken(canceled: true)))
            {
                extents.Add(extent);
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }

        AssertCovers(extents, backend.Size);
    }
}
