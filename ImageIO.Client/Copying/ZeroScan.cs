namespace ImageIO.Client.Copying;

/// <summary>Finds zeroes that are worth a request.</summary>
internal static class ZeroScan
{
    /// <summary>Fewer zeroes than this are sent as data.</summary>
    public const int Grain = 64 * 1024;

    /// <summary>Length of the first run: data, or whole grains of zeroes.</summary>
    /// <param name="bytes">Bytes of the image.</param>
    /// <param name="offset">Their offset in it: grains are aligned to their size.</param>
    /// <param name="isZero">Whether the run consists of zeroes.</param>
    public static int RunLength(ReadOnlySpan<byte> bytes, long offset, out bool isZero)
    {
        isZero = false;
        for (int position = 0; position < bytes.Length;)
        {
            int length = (int)Math.Min(bytes.Length - position, Grain - ((offset + position) % Grain));
            bool zero = length == Grain && !bytes.Slice(position, length).ContainsAnyExcept((byte)0);
            if (position > 0 && zero != isZero)
            {
                return position;
            }

            isZero = zero;
            position += length;
        }

        return bytes.Length;
    }
}
