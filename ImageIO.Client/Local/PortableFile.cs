using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using Microsoft.Win32.SafeHandles;

namespace ImageIO.Client.Local;

/// <summary>A file on systems other than Linux: through the page cache, and with one extent of data.</summary>
internal sealed class PortableFile : IBackend
{
    private readonly SafeFileHandle _handle;
    private readonly string _path;

    private PortableFile(SafeFileHandle handle, string path, bool canWrite)
    {
        _handle = handle;
        _path = path;
        Capabilities = new BackendCapabilities { CanWrite = canWrite, CanGrow = canWrite };
    }

    public long Size => RandomAccess.GetLength(_handle);

    public int BlockSize => 1;

    public BackendCapabilities Capabilities { get; }

    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>.</exception>
    public static PortableFile Open(string path, bool write)
    {
        try
        {
            return new PortableFile(
                File.OpenHandle(path, FileMode.Open, write
                    ? FileAccess.ReadWrite : FileAccess.Read, FileShare.Read, FileOptions.Asynchronous),
                path,
                write);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TransferException(TransferError.ImageUnavailable, $"Opening {path} failed: {e.Message}", e);
        }
    }

    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        try
        {
            for (int done = 0; done < destination.Length;)
            {
                int read = await RandomAccess.ReadAsync(
                    _handle, destination[done..], offset + done, cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    destination.Span[done..].Clear();
                    return;
                }

                done += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed($"Reading {destination.Length} bytes at {offset}", e);
        }
    }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        try
        {
            await RandomAccess.WriteAsync(_handle, source, offset, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed($"Writing {source.Length} bytes at {offset}", e);
        }
    }

    public ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken) =>
        ValueTask.FromResult(false);

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        try
        {
            RandomAccess.FlushToDisk(_handle);
            return ValueTask.CompletedTask;
        }
        catch (IOException e)
        {
            throw Failed("Flushing", e);
        }
    }

    public async IAsyncEnumerable<Extent> GetExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        if (Size is > 0 and var size)
        {
            yield return new Extent(new ByteRange(0, size), ExtentFlags.None);
        }
    }

    public ValueTask DisposeAsync()
    {
        _handle.Dispose();
        return ValueTask.CompletedTask;
    }

    private TransferException Failed(string what, Exception e)
    {
        // ERROR_DISK_FULL and ENOSPC.
        bool isFull = (e.HResult & 0xffff) is 112 or 28;
        return new TransferException(isFull
            ? TransferError.StorageFull : TransferError.StorageFailed, $"{what} of {_path} failed: {e.Message}", e);
    }
}
