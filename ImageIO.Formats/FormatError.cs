using ImageIO.Core.Errors;

namespace ImageIO.Formats;

/// <summary>Failures while parsing a format.</summary>
internal static class FormatError
{
    /// <summary>The file contradicts itself or its format.</summary>
    public static TransferException Corrupt(string message) => new(TransferError.ImageUnavailable, message);

    /// <summary>The file is valid, but needs an unsupported feature.</summary>
    public static TransferException Unsupported(string message) => new(TransferError.NotSupported, message);
}
