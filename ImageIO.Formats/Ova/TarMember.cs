namespace ImageIO.Formats.Ova;

/// <summary>A file in a tar archive.</summary>
/// <param name="Name">Its path in the archive.</param>
/// <param name="Offset">Start of its bytes in the archive.</param>
/// <param name="Size">Bytes.</param>
public sealed record TarMember(string Name, long Offset, long Size)
{
    /// <summary>Bytes that it takes in the archive: its size, rounded up to records of 512 bytes.</summary>
    public long PaddedSize => Size > long.MaxValue - 511 ? Size : (Size + 511) & ~511L;
}
