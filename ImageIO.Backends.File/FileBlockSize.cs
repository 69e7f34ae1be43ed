using System.Numerics;
using ImageIO.Backends.File.Native;
using ImageIO.Backends.Posix;
using ImageIO.Core.Buffers;
using Mono.Unix.Native;

namespace ImageIO.Backends.File;

/// <summary>Detects the alignment of direct I/O on a regular file.</summary>
internal static class FileBlockSize
{
    /// <summary>The smallest sector in use.</summary>
    public const int Small = 512;

    /// <summary>The largest sector in use, and the default if the sector is unknown.</summary>
    public const int Large = 4096;

    // By the contract of backends.
    private const int Largest = 64 * 1024;

    /// <summary>The block size, from the kernel, or else from reading some data.</summary>
    public static int Detect(DirectFile file) => file switch
    {
        { IsDirect: false } => Small,
        { DirectAlignment: { } alignment } => (int)BitOperations.RoundUpToPowerOf2(
            (uint)Math.Clamp(alignment, Small, Largest)),
        _ => Probe(file),
    };

    /// <summary>The same by reading only, for kernels before 6.1 and file systems that do not tell.</summary>
    internal static int Probe(DirectFile file)
    {
        // Only bytes from the disk show it. Reads of holes and preallocated ranges succeed with any alignment, even if
        // SEEK_DATA reports them as data because they are in the page cache.
        bool found = ExtentMap.FindWritten(file.Handle, Large, out long offset) switch
        {
            0 => offset >= 0,
            var errno when PosixError.MeansUnsupported(errno) => FindData(file, out offset),
            _ => false,
        };
        if (!found)
        {
            return Large;
        }

        using AlignedBuffer probe = AlignedBuffer.Allocate(Large);
        // EINVAL: sectors are larger. Other errors will appear again, with their name, at the first real read.
        Errno refused = DirectFile.TryRead(file.Handle, probe.GetSpan()[..Small], offset, Small, Small, out int count);
        return refused == 0 && count > 0 ? Small : Large;
    }

    // A file system without a disk of its own, like NFS.
    private static bool FindData(DirectFile file, out long offset)
    {
        Errno errno = LibC.SeekData(file.Handle, 0, out long data);
        offset = errno == 0 ? Alignment.Down(data, Small) : 0;
        // EINVAL: a file system without holes, where every byte is data.
        return errno is 0 or Errno.EINVAL;
    }
}
