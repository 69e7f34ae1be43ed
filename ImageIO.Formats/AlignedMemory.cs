using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ImageIO.Formats;

/// <summary>Pinned managed memory, aligned to 4096 bytes for direct I/O.</summary>
internal static unsafe class AlignedMemory
{
    /// <summary>Alignment of the address in bytes, as promised to backends.</summary>
    public const int AddressAlignment = 4096;

    /// <summary>Allocates memory. Its content is not cleared.</summary>
    /// <param name="length">Bytes.</param>
    public static Memory<byte> Allocate(int length)
    {
        byte[] array = GC.AllocateUninitializedArray<byte>(length + AddressAlignment, pinned: true);
        nint address = (nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));
        int start = (int)(-address & (AddressAlignment - 1));
        return array.AsMemory(start, length);
    }

    /// <summary>Whether the memory is aligned for direct I/O. It must be pinned or native.</summary>
    public static bool IsAligned(ReadOnlySpan<byte> memory) =>
        ((nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory)) & (AddressAlignment - 1)) == 0;
}
