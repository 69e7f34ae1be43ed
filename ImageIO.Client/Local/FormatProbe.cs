using ImageIO.Core.Errors;
using ImageIO.Formats.Ova;
using ImageIO.Formats.Qcow2;

namespace ImageIO.Client.Local;

/// <summary>Detects a format from a file's first bytes.</summary>
internal static class FormatProbe
{
    /// <summary>Bytes that suffice.</summary>
    public const int Bytes = 4096;

    /// <summary>Whether we read the format ourselves. Others need qemu.</summary>
    public static bool IsOurs(string format) => format is "raw" or "qcow2";

    /// <summary>The format's name in qemu; <c>raw</c> for anything else.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.NotSupported"/>: a compressed file, with the command that decompresses it.
    /// </exception>
    public static string Of(ReadOnlySpan<byte> start, string path)
    {
        RefusePacked(start, path);
        return Qcow2Header.IsQcow2(start) ? "qcow2"
            : start.StartsWith("KDMV"u8) || start.StartsWith("COWD"u8) ? "vmdk"
            : start.StartsWith("# Disk DescriptorFile"u8) ? throw DataFileNamed(path)
            : start.StartsWith("WithoutFreeSpace"u8) || start.StartsWith("WithouFreSpacExt"u8) ? "parallels"
            : start.StartsWith("vhdxfile"u8) ? "vhdx"
            : start.StartsWith("conectix"u8) ? "vpc"
            : start.Length >= 68
            && start.Slice(64, 4).SequenceEqual((ReadOnlySpan<byte>)[0x7f, 0x10, 0xda, 0xbe]) ? "vdi"
            : start.StartsWith("QED\0"u8) ? "qed"
            : TarArchive.IsTar(start) && path.EndsWith(".ova", StringComparison.OrdinalIgnoreCase) ? "ova"
            : "raw";
    }

    // A guest may have written it, to be shown a file of this machine.
    private static TransferException DataFileNamed(string path) => new(
        TransferError.NotSupported,
        $"{path} begins like a description that names other files with the data. "
        + "If you trust it, say its format: --source-format vmdk");

    private static void RefusePacked(ReadOnlySpan<byte> start, string path)
    {
        string? command = start.StartsWith((ReadOnlySpan<byte>)[0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]) ? "xz --decompress"
            : start.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]) ? "gzip --decompress"
            : start.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]) ? "zstd --decompress"
            : null;
        if (command is not null)
        {
            throw new TransferException(
                TransferError.NotSupported,
                $"{path} is packed, its image cannot be read in place. Unpack it first: {command} {path}");
        }
    }
}
