using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Operations;

/// <summary>Holds a request's range against a size.</summary>
internal static class RangeCheck
{
    /// <summary>
    /// Fails when a change would end past the largest image there can be: offsets are 64 bits with a sign, and its last
    /// block must be a whole one. Tickets may be larger.
    /// </summary>
    /// <exception cref="TransferException"><see cref="TransferError.RangeNotSatisfiable"/>, with the limit.</exception>
    public static void WithinLargestImage(long offset, long length, int blockSize) =>
        Within(offset, length, Alignment.Down(long.MaxValue, blockSize), "largest image");

    /// <summary>Fails when <c>[offset, offset + length)</c> passes <paramref name="limit"/>.</summary>
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
