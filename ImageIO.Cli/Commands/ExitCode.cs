using ImageIO.Core.Errors;

namespace ImageIO.CommandLine.Commands;

/// <summary>The exit statuses.</summary>
internal static class ExitCode
{
    public const int Success = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int ContentDiffers = 3;
    public const int NotPermitted = 4;
    public const int StorageFull = 5;
    public const int NoConnection = 6;

    /// <summary>128 + the signal's number, as in shells.</summary>
    public const int Signaled = 128;

    /// <summary>The status for a failure.</summary>
    public static int Of(TransferError error) => error switch
    {
        TransferError.InvalidRequest or TransferError.RangeNotSatisfiable => Usage,
        TransferError.DigestMismatch => ContentDiffers,
        TransferError.Unauthorized or TransferError.OperationNotPermitted => NotPermitted,
        TransferError.StorageFull => StorageFull,
        TransferError.UpstreamUnreachable => NoConnection,
        _ => Failed,
    };
}
