using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Operations;

/// <summary>Checks a request's range against a size.</summary>
internal static class RangeCheck
{
    /// <summary>
    /// Throws when a change would end past the largest possible image: offsets are signed 64-bit, and the last block
    /// must be a whole one. Tickets may be larger.
    /// </summary>
    /// <exception cref="TransferException"><see cref="TransferError.RangeNotSatisfiable"/>, with the limit.</exception>
    public static void WithinLargestImage(long offset, long length, int blockSize) =>
        Within(offset, length, Alignment.Down(long.MaxValue, blockSize), "largest image");

    /// <summary>Throws when <c>[offset, offset + length)</c> passes <paramref name="limit"/>.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.RangeNotSatisfiable"/>, with the limit.</exception>
    public static void Within(long offset, long length, long limit, string what)
    {
        if (offset > limit || length > limit - offset)
        {
            throw new TransferException(
                TransferError.RangeNotSatisfiable,
                $"Requested range of {length} bytes at {offset} is out of bounds, {what} is {limit}")
            {
                Limit = limit,
            };
        }
    }
}
