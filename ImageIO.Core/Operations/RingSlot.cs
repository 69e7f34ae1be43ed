using ImageIO.Core.Buffers;

namespace ImageIO.Core.Operations;

/// <summary>One storage call of an operation.</summary>
/// <param name="Call">The call.</param>
/// <param name="Buffer">Its buffer, to be given back when the slot is removed. Null: the call does so itself.</param>
/// <param name="Gap">Bytes in the buffer before those that the client wants.</param>
/// <param name="Length">Bytes for the client, or from it.</param>
internal readonly record struct RingSlot(Task Call, AlignedBuffer? Buffer, int Gap, int Length);
