using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Transmission;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using Microsoft.Extensions.Logging;

namespace ImageIO.Backends.Nbd;

/// <summary>An image that an NBD server exports. Holds no thread while a server works.</summary>
internal sealed partial class NbdBackend : IBackend
{
    // Larger requests take a server long, without a gain.
    private const long LargestZero = 1024 * 1024 * 1024;

    // With 1 MiB writes at unaligned offsets qemu-nbd takes twice the CPU.
    private const int Page = 4096;

    private readonly ConnectionPool _pool;
    private readonly ILogger _logger;
    private volatile bool _zeroRefused;
    private int _warnedOfFlush;

    internal NbdBackend(ConnectionPool pool, ImageAccess access, ILogger logger)
    {
        _pool = pool;
        _logger = logger;
        ExportInfo export = pool.Export;
        Capabilities = new BackendCapabilities
        {
            CanWrite = access.Write,
            CanZero = access.Write && export.Has(ExportFlags.SendWriteZeroes),
            CanGrow = false,
            HasZeroExtents = export.HasAllocation,
            HasDirtyExtents = export.DirtyBitmap is not null,
        };
    }

    /// <inheritdoc />
    public long Size => _pool.Export.Size;

    /// <inheritdoc />
    public int BlockSize => _pool.Export.BlockSize;

    /// <inheritdoc />
    public int PreferredBlockSize => Math.Max(Page, BlockSize);

    /// <inheritdoc />
    public bool MayBlock => false;

    /// <inheritdoc />
    public string Identity => _pool.Identity;

    /// <inheritdoc />
    public string Storage => _pool.Storage;

    /// <inheritdoc />
    public BackendCapabilities Capabilities { get; }

    /// <inheritdoc />
    public async ValueTask ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken)
    {
        int inside = (int)Math.Clamp(Size - offset, 0, destination.Length);
        destination.Span[inside..].Clear();
        if (inside <= _pool.Export.LargestPayload)
        {
            await (inside == 0
                ? ValueTask.CompletedTask
                : _pool.RunAsync(new ReadRequest(destination[..inside], offset)));
            return;
        }

        await InPiecesAsync(
            inside, (start, length) => new ReadRequest(destination.Slice(start, length), offset + start));
    }

    /// <inheritdoc />
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken)
    {
        if (source.Length <= _pool.Export.LargestPayload)
        {
            await (source.IsEmpty ? ValueTask.CompletedTask : _pool.RunAsync(Write(source, offset)));
            return;
        }

        await InPiecesAsync(
            source.Length, (start, length) => Write(source.Slice(start, length), offset + start));
    }

    /// <inheritdoc />
    public async ValueTask<bool> ZeroAsync(long offset, long length, ZeroMode mode, CancellationToken cancellationToken)
    {
        CommandFlags flags = mode == ZeroMode.Allocate ? CommandFlags.NoHole : CommandFlags.None;
        for (long end = offset + length; offset < end && !_zeroRefused;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            uint step = (uint)Math.Min(LargestZero, end - offset);
            var request = new NbdRequest(Command.WriteZeroes, offset, step, flags);
            try
            {
                await _pool.RunAsync(request);
            }
            catch (TransferException) when (request.Error == NbdError.ENOTSUP)
            {
                _zeroRefused = true;
            }

            offset += step;
        }

        return !_zeroRefused;
    }

    /// <inheritdoc />
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (!_pool.Export.Has(ExportFlags.SendFlush) && Interlocked.Exchange(ref _warnedOfFlush, 1) == 0)
        {
            Log.CannotFlush(_logger, _pool.Description);
        }

        await _pool.FlushAsync();
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _pool.DisposeAsync();

    private static NbdRequest Write(ReadOnlyMemory<byte> source, long offset) =>
        new(Command.Write, offset, (uint)source.Length) { Payload = source };

    // All at once, because the server works on them in parallel. All must end before a failure is reported, because
    // they use the caller's memory.
    private Task InPiecesAsync(int total, Func<int, int, NbdRequest> piece)
    {
        int most = _pool.Export.LargestPayload;
        var pieces = new List<Task>((total / most) + 1);
        for (int start = 0; start < total; start += most)
        {
            pieces.Add(_pool.RunAsync(piece(start, Math.Min(most, total - start))).AsTask());
        }

        return Task.WhenAll(pieces);
    }

    private static partial class Log
    {
        [LoggerMessage(
            64,
            LogLevel.Warning,
            "{Server} cannot flush: writes are reported as durable although the server may keep them in memory")]
        public static partial void CannotFlush(ILogger logger, string server);
    }
}
