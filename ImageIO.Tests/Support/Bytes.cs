namespace ImageIO.Tests.Support;

/// <summary>Image content for tests, and what it should become.</summary>
internal static class Bytes
{
    /// <summary>Random bytes without a zero among them, so that a byte lost to zeroing or a gap is seen.</summary>
    public static byte[] Random(int length, int seed = 1)
    {
        var random = new Random(seed);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = (byte)random.Next(1, 256);
        }

        return bytes;
    }

    /// <summary>
    /// The content of an image that can grow after a write: bytes outside the range are unchanged, a gap is zero.
    /// </summary>
    public static byte[] Written(byte[] image, long offset, ReadOnlySpan<byte> data)
    {
        byte[] result = new byte[data.Length == 0 ? image.Length : Math.Max(image.Length, offset + data.Length)];
        image.CopyTo(result, 0);
        data.CopyTo(data.Length == 0 ? default : result.AsSpan((int)offset));
        return result;
    }

    /// <summary>Fails with the first difference, instead of printing two images.</summary>
    public static void AssertEqual(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, string what)
    {
        int same = expected.CommonPrefixLength(actual);
        if (same < expected.Length || same < actual.Length)
        {
            Assert.Fail(
                $"{what}: {actual.Length} bytes where {expected.Length} were expected; first difference at {same}: "
                + $"{(same < actual.Length ? actual[same] : "end")} where "
                + $"{(same < expected.Length ? expected[same] : "end")} was expected");
        }
    }
}
