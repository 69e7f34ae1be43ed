using System.Runtime.CompilerServices;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Transport;

/// <summary>An image at a server. Parallel calls are sent one after another.</summary>
/// <remarks>
/// Every failure is a <see cref="TransferException"/>. <c>Copier</c> copies whole images over several
/// connections, with retries and verification; the calls here are single requests.
/// </remarks>
public sealed class TransferClient : IAsyncDisposable
{
    // Attempts in a row without an extent.
    private const int MostExtentFailures = 3;

    private readonly SemaphoreSlim _gate = new(1);
    private ImageConnection? _connection;

    private TransferClient(
        Dialer dialer, TransferClientOptions options, ImageConnection connection, ServerFeatures features)
    {
        Dialer = dialer;
        Options = options;
        Features = features;
        _connection = connection;
    }

    /// <summary>Bytes that can be read from the image.</summary>
    public long Size { get; private set; }

    /// <summary>Most bytes that the image can hold, if the server tells; otherwise <see cref="Size"/>.</summary>
    public long Capacity => Math.Max(Size, Features.Size ?? 0);

    /// <summary>Whether the server is used through its Unix socket.</summary>
    public bool IsOverUnixSocket => Dialer.IsUnix;

    internal Dialer Dialer { get; }

    internal TransferClientOptions Options { get; }

    internal ServerFeatures Features { get; }

    /// <summary>Connects to a server: through its Unix socket on the same host, or through its proxy if it cannot be
    /// reached.</summary>
    /// <param name="url">The transfer's URL, like <c>https://host:54322/images/ID</c>.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.UpstreamUnreachable"/>, <see cref="TransferError.OperationNotPermitted"/>,
    /// <see cref="TransferError.InvalidRequest"/>, or another error from the server.
    /// </exception>
    public static async Task<TransferClient> OpenAsync(
        string url, TransferClientOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(url);
        options ??= new TransferClientOptions();
        var dialer = Dialer.For(ImageAddress.Parse(url, options.IsInsecure), options);
        try
        {
            ImageConnection connection;
            try
            {
                connection = await ImageConnection.OpenAsync(dialer, options, cancellationToken).ConfigureAwait(false);
            }
            catch (ExchangeException e) when (options.ProxyUrl is { } proxy && proxy != url
                && e.Failure is ExchangeFailure.Unreachable or ExchangeFailure.CertificateRefused)
            {
                // Only after a failed connection: the host's answer would be the same through the proxy.
                dialer = Dialer.For(ImageAddress.Parse(proxy, options.IsInsecure), options);
                connection = await ImageConnection.OpenAsync(dialer, options, cancellationToken).ConfigureAwait(false);
            }

            return await StartAsync(dialer, options, connection, cancellationToken).ConfigureAwait(false);
        }
        catch (ExchangeException e)
        {
            throw e.ToTransferException();
        }
    }

    /// <summary>Fills a buffer.</summary>
    public Task ReadAsync(Memory<byte> destination, long offset, CancellationToken cancellationToken) => CallAsync(
        connection => connection.GetAsync(
            ByteRange.At(offset, destination.Length),
            async (stream, token) => await stream.ReadExactlyAsync(destination, token).ConfigureAwait(false),
            cancellationToken),
        cancellationToken);

    /// <summary>Writes bytes. They are durable after <see cref="FlushAsync"/>.</summary>
    public Task WriteAsync(ReadOnlyMemory<byte> source, long offset, CancellationToken cancellationToken) => CallAsync(
        connection => connection.PutAsync(
            ByteRange.At(offset, source.Length),
            async (stream, token) => await stream.WriteAsync(source, token).ConfigureAwait(false),
            Features.CanFlush,
            sha256: null,
            cancellationToken),
        cancellationToken);

    /// <summary>Makes a range read as zeroes.</summary>
    public Task ZeroAsync(long offset, long length, CancellationToken cancellationToken) =>
        CallAsync(connection => connection.ZeroAsync(
            ByteRange.At(offset, length), !Features.CanFlush, cancellationToken), cancellationToken);

    /// <summary>Makes all writes of this object durable.</summary>
    public Task FlushAsync(CancellationToken cancellationToken) => Features.CanFlush
        ? CallAsync(connection => connection.FlushAsync(cancellationToken), cancellationToken)
        : Task.CompletedTask;

    /// <summary>The image's extents in order and without gaps. One data extent if the server does not list
    /// them.</summary>
    /// <param name="context">Zero or dirty extents.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    public async IAsyncEnumerable<Extent> ExtentsAsync(
        ExtentContext context, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!Features.HasExtents)
        {
            if (Size > 0)
            {
                yield return new Extent(
                    new ByteRange(0, Size), context == ExtentContext.Dirty ? ExtentFlags.Dirty : ExtentFlags.None);
            }

            yield break;
        }

        // A slow copy takes extents slowly, and a server closes a connection that seems stalled. Continue from the last
        // one then.
        long position = 0;
        for (int failures = 0; ;)
        {
            long begun = position;
            ExchangeException? failure = null;
            ImageConnection connection = await PublicAsync(ConnectAsync(cancellationToken)).ConfigureAwait(false);
            await using (connection.ConfigureAwait(false))
            {
                IAsyncEnumerator<Extent> extents = connection
                    .GetExtentsAsync(context == ExtentContext.Dirty ? "dirty" : "zero", cancellationToken)
                    .GetAsyncEnumerator(cancellationToken);
                await using (extents.ConfigureAwait(false))
                {
                    while (true)
                    {
                        try
                        {
                            if (!await extents.MoveNextAsync().ConfigureAwait(false))
                            {
                                yield break;
                            }
                        }
                        catch (ExchangeException e)
                        {
                            failure = e;
                            break;
                        }

                        Extent extent = extents.Current;
                        if (extent.Range.End > position)
                        {
                            yield return extent with
                            {
                                Range = new ByteRange(Math.Max(position, extent.Range.Start), extent.Range.End),
                            };
                            position = extent.Range.End;
                        }
                    }
                }
            }

            failures = position > begun ? 1 : failures + 1;
            if (failure.Failure is not (ExchangeFailure.Broken or ExchangeFailure.Busy)
                || failures > MostExtentFailures)
            {
                throw failure.ToTransferException();
            }
        }
    }

    /// <summary>The server's checksum of the image.</summary>
    /// <param name="algorithm">Name of the hash; the server's default is <c>blake2b</c>.</param>
    /// <param name="blockSize">Bytes of a block, a multiple of 4096.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<ImageChecksum> ChecksumAsync(
        string algorithm = ImageChecksum.DefaultAlgorithm,
        int blockSize = ImageChecksum.DefaultBlockSize,
        CancellationToken cancellationToken = default)
    {
        ChecksumEntry entry = null!;
        await AskAsync(
            async connection =>
                entry = await connection.GetChecksumAsync(
                    algorithm, blockSize, cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return new ImageChecksum(entry.Algorithm, entry.BlockSize, entry.Checksum);
    }

    /// <summary>Reads the image's size from the server again.</summary>
    /// <returns>Bytes.</returns>
    public async Task<long> RefreshSizeAsync(CancellationToken cancellationToken)
    {
        await AskAsync(
            async connection => Size = await SizeAsync(connection, Features, cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return Size;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_connection is not null)
        {
            await _connection.DisposeAsync().ConfigureAwait(false);
        }

        _gate.Dispose();
    }

    /// <summary>Opens another connection to the same server.</summary>
    internal Task<ImageConnection> ConnectAsync(CancellationToken cancellationToken) =>
        ImageConnection.OpenAsync(Dialer, Options, cancellationToken);

    /// <summary>Keeps the ticket in use while no data moves, because servers cancel idle ones.</summary>
    internal Task KeepAliveAsync(CancellationToken cancellationToken) =>
        AskAsync(connection => connection.GetFeaturesAsync(cancellationToken), cancellationToken);

    private static async Task<TransferClient> StartAsync(
        Dialer dialer, TransferClientOptions options, ImageConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            ServerFeatures features = await connection.GetFeaturesAsync(cancellationToken).ConfigureAwait(false);
            if (options.UsesUnixSocket && connection.IsToThisHost && features.UnixSocket is { Length: > 1 } socket
                && await TryUnixAsync(dialer.Through(socket), options, cancellationToken)
                    .ConfigureAwait(false) is { } local)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
                (dialer, connection) = (dialer.Through(socket), local);
            }

            var client = new TransferClient(dialer, options, connection, features);
            client.Size = await SizeAsync(connection, features, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    // Used only if it answers: through a forwarded port the name may belong to another host.
    private static async Task<ImageConnection?> TryUnixAsync(
        Dialer dialer, TransferClientOptions options, CancellationToken cancellationToken)
    {
        ImageConnection? connection = null;
        try
        {
            connection = await ImageConnection.OpenAsync(dialer, options, cancellationToken).ConfigureAwait(false);
            ServerFeatures features = await connection.GetFeaturesAsync(cancellationToken).ConfigureAwait(false);
            if (features.Features.Count > 0)
            {
                return connection;
            }
        }
        catch (ExchangeException)
        {
            // TCP is used instead.
        }

        if (connection is not null)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }

        return null;
    }

    private static async Task<long> SizeAsync(
        ImageConnection connection, ServerFeatures features, CancellationToken cancellationToken)
    {
        if (features.HasExtents && features.ExpiresInSeconds is null)
        {
            long end = 0;
            await foreach (Extent extent in connection.GetExtentsAsync("zero", cancellationToken).ConfigureAwait(false))
            {
                end = extent.Range.End;
            }

            return end;
        }

        try
        {
            return await connection.GetSizeAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (ExchangeException e) when (e.Status == 405)
        {
            return await connection.GetSizeByReadingAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<T> PublicAsync<T>(Task<T> task)
    {
        try
        {
            return await task.ConfigureAwait(false);
        }
        catch (ExchangeException e)
        {
            throw e.ToTransferException();
        }
    }

    // Nothing is lost by asking again: the connection may have died long ago, while others moved data.
    private Task AskAsync(Func<ImageConnection, Task> question, CancellationToken cancellationToken) => CallAsync(
        async connection =>
        {
            try
            {
                await question(connection).ConfigureAwait(false);
            }
            catch (ExchangeException e) when (e.Failure == ExchangeFailure.Broken)
            {
                await connection.DisposeAsync().ConfigureAwait(false);
                _connection = await ConnectAsync(cancellationToken).ConfigureAwait(false);
                await question(_connection).ConfigureAwait(false);
            }
        },
        cancellationToken);

    private async Task CallAsync(Func<ImageConnection, Task> call, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _connection ??= await ConnectAsync(cancellationToken).ConfigureAwait(false);
            await call(_connection).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // After a failed request the state of the connection is unknown.
            if (_connection is not null)
            {
                await _connection.DisposeAsync().ConfigureAwait(false);
                _connection = null;
            }

            if (e is ExchangeException failure)
            {
                throw failure.ToTransferException();
            }

            throw;
        }
        finally
        {
            _gate.Release();
        }
    }
}
