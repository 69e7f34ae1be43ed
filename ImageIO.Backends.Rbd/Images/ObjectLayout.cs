namespace ImageIO.Backends.Rbd.Images;

/// <summary>The division of an image into objects.</summary>
/// <param name="ObjectSize">Bytes of an object.</param>
/// <param name="StripeUnit">Consecutive bytes in one object.</param>
/// <param name="StripeCount">Objects in a round of stripes.</param>
internal readonly record struct ObjectLayout(long ObjectSize, long StripeUnit, long StripeCount)
{
    /// <summary>Bytes after which the pattern repeats.</summary>
    public long Period => ObjectSize * StripeCount;

    /// <summary>Whether the part of some object in these bytes is all zeroes.</summary>
    public bool HasZeroPart(ReadOnlySpan<byte> bytes, long offset)
    {
        while (!bytes.IsEmpty)
        {
            int part = (int)Math.Min(bytes.Length, StripeUnit - (offset % StripeUnit));
            if (!bytes[..part].ContainsAnyExcept((byte)0))
            {
                return true;
            }

            bytes = bytes[part..];
            offset += part;
        }

        return false;
    }
}
