using System.Runtime.InteropServices;
using ImageIO.Backends.Nbd.Native;
using Microsoft.Win32.SafeHandles;

namespace ImageIO.Backends.Nbd.Dialing;

/// <summary>
/// A file held by a descriptor that only stands for it: what was checked is what is used afterwards, whatever happens
/// to the names on the way there.
/// </summary>
internal sealed class HeldPath : IDisposable
{
    private readonly SafeFileHandle _handle;

    private HeldPath(SafeFileHandle handle) => _handle = handle;

    /// <summary>The path without links and <c>..</c>. Null: /proc is not mounted.</summary>
    public string? Resolved => new FileInfo(ProcPath).LinkTarget;

    /// <summary>A short path to the same file, for calls that take no descriptor.</summary>
    public string ProcPath => $"/proc/self/fd/{_handle.DangerousGetHandle()}";

    /// <summary>Whether it is a socket.</summary>
    public bool IsSocket => LibC.IsSocket(_handle);

    /// <summary>
    /// Finds the file, following links. Null: it cannot be found, <paramref name="reason"/> says why.
    /// </summary>
    public static HeldPath? TryOpen(string path, out string reason)
    {
        SafeFileHandle handle = LibC.OpenPath(path);
        reason = handle.IsInvalid ? Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()) : "";
        return handle.IsInvalid ? null : new HeldPath(handle);
    }

    /// <summary>Closes the descriptor.</summary>
    public void Dispose() => _handle.Dispose();
}
