namespace ImageIO.Backends.Rbd.Images;

/// <summary>How an image is cut into objects.</summary>
/// <param name="ObjectSize">Bytes of an object.</param>
/// <param name="StripeUnit">Bytes that follow each other in one object.</param>
/// <param name="StripeCount">Objects that stripes go around.</param>
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
