using ImageIO.Core.Errors;

namespace ImageIO.Formats;

/// <summary>Failures of reading a format.</summary>
internal static class FormatError
{
    /// <summary>The file contradicts itself, or what its format permits.</summary>
    public static TransferException Corrupt(string message) => new(TransferError.ImageUnavailable, message);

    /// <summary>The file is right, and needs what we do not have.</summary>
    public static TransferException Unsupported(string message) => new(TransferError.NotSupported, message);
}
