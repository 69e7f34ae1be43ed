namespace ImageIO.Client.Copying;

/// <summary>A buffer with bytes of the image.</summary>
/// <param name="Offset">Their offset in the image.</param>
/// <param name="Data">The bytes.</param>
/// <param name="Buffer">The whole buffer, for its return.</param>
internal readonly record struct Filled(long Offset, ReadOnlyMemory<byte> Data, Memory<byte> Buffer)
{
    public long End => Offset + Data.Length;

    /// <summary>The bytes from a position on.</summary>
    public ReadOnlyMemory<byte> From(long position) => Data[(int)(position - Offset)..];
}
