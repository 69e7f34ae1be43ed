using ImageIO.Core.Buffers;
using ImageIO.Core.Errors;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Backends.Posix;

/// <summary>
/// An open file or device with direct I/O: positional reads, writes, flush. Calls block, so the caller is on a storage
/// thread
/// (<see cref="Core.Backends.IBackend"/>). Every failure names call, path and range.
/// </summary>
internal sealed class DirectFile : IDisposable
{
    private DirectFile(string path, SafeFileHandle handle, bool isDirect, FileStatus status)
    {
        Path = path;
        Handle = handle;
        IsDirect = isDirect && status.DirectAlignment != 0;
        DirectAlignment = status.DirectAlignment;
        Identity = status.Identity;
        Storage = status.Storage;
    }

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>The descriptor, for calls that only some kinds of storage have.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>
    /// Whether the page cache is bypassed. False: this file system does not support it (open(2), EINVAL), at least for
    /// this file.
    /// </summary>
    public bool IsDirect { get; }

    /// <summary><inheritdoc cref="FileStatus.DirectAlignment" path="/summary"/></summary>
    public int? DirectAlignment { get; }

    /// <inheritdoc cref="FileStatus.Identity"/>
    public string Identity { get; }

    /// <inheritdoc cref="FileStatus.Storage"/>
    public string? Storage { get; }

    /// <summary>Opens an existing file or device.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>.</exception>
    public static DirectFile Open(string path, bool write)
    {
        // Mono.Posix knows the flags' values, because O_DIRECT differs between architectures.
        OpenFlags flags = (write ? OpenFlags.O_RDWR : OpenFlags.O_RDONLY) | OpenFlags.O_CLOEXEC;
        bool direct = true;
        SafeFileHandle handle = Open(path, flags | OpenFlags.O_DIRECT, out Errno errno);
        if (handle.IsInvalid && errno == Errno.EINVAL)
        {
            direct = false;
            handle = Open(path, flags, out errno);
        }

        if (handle.IsInvalid)
        {
            throw PosixError.Unavailable($"open({path}, {(write ? "read and write" : "read")})", errno);
        }

        errno = FileStatus.Of(handle, out FileStatus status);
        if (errno != 0)
        {
            handle.Dispose();
            throw PosixError.Unavailable($"statx({path})", errno);
        }

        return new DirectFile(path, handle, direct, status);
    }

    /// <summary>
    /// Opens the same file again through the page cache, even if its path now leads elsewhere.
    /// </summary>
    /// <exception cref="TransferException"><see cref="TransferError.StorageFailed"/>.</exception>
    public SafeFileHandle OpenCached(bool write)
    {
        bool counted = false;
        try
        {
            Handle.DangerousAddRef(ref counted);
            SafeFileHandle handle = Open(
                $"/proc/self/fd/{Handle.DangerousGetHandle()}",
                (write ? OpenFlags.O_RDWR : OpenFlags.O_RDONLY) | OpenFlags.O_CLOEXEC,
                out Errno errno);
            return handle.IsInvalid
                ? throw PosixError.Storage($"open({Path}, again through /proc/self/fd)", errno)
                : handle;
        }
        finally
        {
            if (counted)
            {
                Handle.DangerousRelease();
            }
        }
    }

    /// <summary>Reads the size of a regular file in bytes.</summary>
    public long GetLength()
    {
        Errno errno = FileStatus.SizeOf(Handle, out long size);
        return errno == 0 ? size : throw PosixError.Storage($"statx({Path})", errno);
    }

    /// <summary>Reads until enough bytes are there or the file ends.</summary>
    /// <param name="destination">Whole blocks, so it may be longer than the wanted bytes.</param>
    /// <param name="offset">Where to read, in bytes.</param>
    /// <param name="wanted">Bytes that the file should have there.</param>
    /// <param name="blockSize">Alignment of calls in bytes.</param>
    /// <returns>Bytes read. Fewer than wanted: the file is shorter than expected.</returns>
    public int Read(Span<byte> destination, long offset, int wanted, int blockSize)
    {
        Errno errno = TryRead(Handle, destination, offset, wanted, blockSize, out int count);
        return errno == 0
            ? count
            : throw PosixError.Storage($"pread({Path}, {destination.Length} bytes at {offset})", errno);
    }

    /// <summary>The same with any descriptor of the file, and the error as a value. 0 is success.</summary>
    public static Errno TryRead(
        SafeFileHandle handle, Span<byte> destination, long offset, int wanted, int blockSize, out int total)
    {
        total = 0;
        while (total < wanted)
        {
            // After a short read that ends inside a block, read again from the start of the block.
            int start = (int)Alignment.Down(total, blockSize);
            Errno errno = LibC.Pread(handle, destination[start..], offset + start, out int count);
            if (errno != 0)
            {
                return errno;
            }

            if (start + count <= total)
            {
                break;
            }

            total = start + count;
        }

        return 0;
    }

    /// <summary>Writes everything.</summary>
    /// <param name="source">The bytes.</param>
    /// <param name="offset">Where to write, in bytes.</param>
    /// <param name="blockSize">Alignment of calls in bytes.</param>
    public void Write(ReadOnlySpan<byte> source, long offset, int blockSize)
    {
        Errno errno = TryWrite(Handle, source, offset, blockSize);
        if (errno != 0)
        {
            throw PosixError.Storage($"pwrite({Path}, {source.Length} bytes at {offset})", errno);
        }
    }

    /// <summary>The same with any descriptor of the file, and the error as a value. 0 is success.</summary>
    public static Errno TryWrite(SafeFileHandle handle, ReadOnlySpan<byte> source, long offset, int blockSize)
    {
        while (source.Length > 0)
        {
            Errno errno = LibC.Pwrite(handle, source, offset, out int count);
            if (errno != 0)
            {
                return errno;
            }

            int whole = count == source.Length ? count : (int)Alignment.Down(count, blockSize);
            if (whole == 0)
            {
                // The call succeeded but wrote less than a block, so another one would not help.
                return Errno.EIO;
            }

            source = source[whole..];
            offset += whole;
        }

        return 0;
    }

    /// <summary>Makes completed writes durable: fsync(2).</summary>
    public void Flush()
    {
        // Not RandomAccess.FlushToDisk, which takes EROFS as success. fsync(2) returns it if the file system became
        // read-only after
        // an error, and the data is lost then.
        Errno errno = LibC.Fsync(Handle);
        if (errno != 0)
        {
            throw PosixError.Storage($"fsync({Path})", errno);
        }
    }

    /// <summary>
    /// Closes the descriptor. Some file systems (NFS) report the failure of earlier writes here. Can be called again.
    /// </summary>
    public void Close() => Close(Handle);

    /// <summary>Closes another descriptor of this file. Null: there is none.</summary>
    public void Close(SafeFileHandle? handle)
    {
        Errno errno = handle is null ? 0 : LibC.Close(handle);
        if (errno != 0)
        {
            throw PosixError.Storage($"close({Path})", errno);
        }
    }

    /// <summary>Closes the descriptor if it is open, and ignores errors.</summary>
    public void Dispose() => Handle.Dispose();

    private static SafeFileHandle Open(string path, OpenFlags flags, out Errno errno)
    {
        int descriptor;
        do
        {
            descriptor = Syscall.open(path, flags);
            errno = descriptor < 0 ? LibC.LastError() : 0;
        }
        while (errno == Errno.EINTR);

        return new SafeFileHandle(descriptor, ownsHandle: true);
    }
}
