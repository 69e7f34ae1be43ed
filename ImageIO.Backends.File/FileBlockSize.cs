using System.Numerics;
using ImageIO.Backends.File.Native;
using ImageIO.Backends.Posix;
using ImageIO.Core.Buffers;
using Mono.Unix.Native;

namespace ImageIO.Backends.File;

/// <summary>Finds out what direct I/O on a regular file must be aligned to.</summary>
internal static class FileBlockSize
{
    /// <summary>The smallest sector in use.</summary>
    public const int Small = 512;

    /// <summary>The largest sector in use. A file whose sector cannot be told counts as one with such.</summary>
    public const int Large = 4096;

    // The contract of backends.
    private const int Largest = 64 * 1024;

    /// <summary>The block size: what the kernel says, or else what reading some data shows.</summary>
    public static int Detect(DirectFile file) => file switch
    {
        { IsDirect: false } => Small,
        { DirectAlignment: { } alignment } => (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(alignment, Small, Largest)),
        _ => Probe(file),
    };

    /// <summary>The same by reading alone, for kernels before 6.1 and file systems that do not say.</summary>
    internal static int Probe(DirectFile file)
    {
        // Only bytes that come from the disk tell. Holes and preallocated ranges are read without it and so succeed however
        // they are aligned, also those that SEEK_DATA takes for data because the page cache holds them.
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
        // EINVAL: sectors are larger. Anything else will show again, with its name, at the first real read.
        Errno refused = DirectFile.TryRead(file.Handle, probe.GetSpan()[..Small], offset, Small, Small, out int count);
        return refused == 0 && count > 0 ? Small : Large;
    }

    // A file system without disks of its own, like NFS.
    private static bool FindData(DirectFile file, out long offset)
    {
        Errno errno = LibC.SeekData(file.Handle, 0, out long data);
        offset = errno == 0 ? Alignment.Down(data, Small) : 0;
        // EINVAL: a file system that knows no holes, where every byte is data.
        return errno is 0 or Errno.EINVAL;
    }
}
