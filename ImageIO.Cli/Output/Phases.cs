namespace ImageIO.CommandLine.Output;

/// <summary>The names of a command's steps in the progress. Scripts read them.</summary>
internal static class Phases
{
    public const string Inspecting = "inspecting image";
    public const string CreatingDisk = "creating disk";
    public const string CreatingTransfer = "creating transfer";
    public const string Uploading = "uploading image";
    public const string Downloading = "downloading image";
    public const string Verifying = "verifying";
    public const string Retrying = "retrying";
    public const string Finalizing = "finalizing transfer";
    public const string Cancelling = "cancelling transfer";
    public const string UploadCompleted = "upload completed";
    public const string DownloadCompleted = "download completed";
    public const string Failed = "command failed";
}
