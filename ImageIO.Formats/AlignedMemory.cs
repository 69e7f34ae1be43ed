using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageIO.Formats;

/// <summary>Managed memory whose address suits direct I/O: pinned, and aligned to 4096 bytes.</summary>
internal static unsafe class AlignedMemory
{
    /// <summary>Alignment of the address in bytes, as backends are promised.</summary>
    public const int AddressAlignment = 4096;

    /// <summary>New memory; its content is not cleared.</summary>
    /// <param name="length">Bytes.</param>
    public static Memory<byte> Allocate(int length)
    {
        byte[] array = GC.AllocateUninitializedArray<byte>(length + AddressAlignment, pinned: true);
        nint address = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));
        int start = (int)(-address & (AddressAlignment - 1));
        return array.AsMemory(start, length);
    }

    /// <summary>Whether the memory begins where direct I/O can begin. Only pinned or native memory can be said to.</summary>
    public static bool IsAligned(ReadOnlySpan<byte> memory) =>
        ((nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory)) & (AddressAlignment - 1)) == 0;
}
