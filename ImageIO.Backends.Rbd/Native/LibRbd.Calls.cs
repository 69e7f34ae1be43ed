using System.Runtime.InteropServices;

namespace ImageIO.Backends.Rbd.Native;

// Calls that complete later. The image is a plain pointer: its handle is held from here to the completion.
internal static partial class LibRbd
{
    /// <summary>
    /// zero_flags of <see cref="WriteZeroes"/>: keep the space (RBD_WRITE_ZEROES_FLAG_THICK_PROVISION).
    /// </summary>
    internal const int ThickProvision = 1;

    [LibraryImport(Library, EntryPoint = "rbd_aio_create_completion")]
    internal static unsafe partial int CreateCompletion(
        nint argument, delegate* unmanaged[Cdecl]<nint, nint, void> completed, out nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_aio_get_return_value")]
    internal static partial nint GetResult(nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_aio_release")]
    internal static partial void Release(nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_aio_read")]
    internal static unsafe partial int Read(nint image, ulong offset, nuint length, byte* buffer, nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_aio_write")]
    internal static unsafe partial int Write(nint image, ulong offset, nuint length, byte* buffer, nint completion);

    [LibraryImport(Library, EntryPoint = "rbd_aio_write_zeroes")]
    internal static partial int WriteZeroes(
        nint image, ulong offset, nuint length, nint completion, int zeroFlags, int operationFlags);

    [LibraryImport(Library, EntryPoint = "rbd_aio_flush")]
    internal static partial int Flush(nint image, nint completion);
}
