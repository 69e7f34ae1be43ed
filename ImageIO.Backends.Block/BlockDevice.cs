using ImageIO.Backends.Block.Native;
using ImageIO.Backends.Posix;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Backends.Block;

/// <summary>Properties of a block device, read once when it is opened.</summary>
/// <param name="Size">Bytes, as the device reports them.</param>
/// <param name="LogicalSectorSize">Required alignment of direct I/O, in bytes.</param>
/// <param name="PhysicalSectorSize">Bytes that the medium writes at once.</param>
/// <param name="DiskName">Distinguishes this disk from others with the same device number, before or later. Empty:
/// unknown.</param>
internal readonly record struct BlockDevice(long Size, int LogicalSectorSize, int PhysicalSectorSize, string DiskName)
{
    /// <summary>Reads the properties of an open device.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: it does not answer, or is no
    /// device.</exception>
    public static BlockDevice Ask(DirectFile file)
    {
        Require(file, "BLKGETSIZE64", BlockIoctl.GetSize(file.Handle, out long size));
        Require(file, "BLKSSZGET", BlockIoctl.GetLogicalSectorSize(file.Handle, out int logical));
        Require(file, "BLKPBSZGET", BlockIoctl.GetPhysicalSectorSize(file.Handle, out int physical));
        // Linux 5.15. A device number is reused when its disk is gone.
        string disk = BlockIoctl.GetDiskSequence(file.Handle, out long sequence) == 0 ? $" disk {sequence}" : "";
        return new BlockDevice(size, logical, physical, disk);
    }

    private static void Require(DirectFile file, string request, Errno errno)
    {
        if (errno != 0)
        {
            throw PosixError.Unavailable($"ioctl({file.Path}, {request})", errno);
        }
    }
}
