using ImageIO.Client.Local;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Formats.Qcow2;

namespace ImageIO.Client;

/// <summary>
/// Where a download goes: a new file, raw or qcow2, a block device, or an image that exists. A new file bears its name
/// only when it is whole.
/// </summary>
public sealed class ImageTarget : IAsyncDisposable
{
    private readonly string _path;
    private readonly string _workPath;
    private readonly ImageFile? _backing;
    private readonly Qcow2Writer? _qcow2;
    private bool _isOpen = true;

    private ImageTarget(string path, string workPath, IBackend backend, ImageFile? backing = null)
    {
        _path = path;
        _workPath = workPath;
        Backend = backend;
        _qcow2 = backend as Qcow2Writer;
        _backing = backing;
    }

    /// <summary>Receives the guest's bytes.</summary>
    public IBackend Backend { get; }

    /// <summary>Whether unwritten ranges read as zeroes. False for a device, or a file from an interrupted
    /// download.</summary>
    public bool IsZero { get; private init; }

    /// <summary>The file that is being written. It gets its name when it is complete.</summary>
    public string WorkPath => _workPath;

    /// <summary>Creates a target.</summary>
    /// <param name="path">A file, which is replaced when the image is complete, or a block device.</param>
    /// <param name="size">Bytes of the image.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async Task<ImageTarget> CreateAsync(
        string path, long size, ImageTargetOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new ImageTargetOptions();
        if (options.IsInPlace)
        {
            return await OpenInPlaceAsync(path, size, options, cancellationToken).ConfigureAwait(false);
        }

        // It exists already, has a size of its own, and may contain old data.
        bool isDevice = IsDevice(path);
        string workPath = isDevice ? path : $"{path}.part";
        if (!isDevice)
        {
            Prepare(workPath, options.Format == "raw" ? size : null, options.Continues);
        }

        IBackend file = await LocalStorage.OpenAsync(workPath, write: true, cancellationToken).ConfigureAwait(false);
        if (options.Format == "raw")
        {
            await RequireRoomAsync(file, path, size).ConfigureAwait(false);
            return new ImageTarget(path, workPath, file) { IsZero = !isDevice && !options.Continues };
        }

        return await CreateQcow2Async(path, workPath, file, size, options, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Completes the image: makes it durable, closes it, and gives the file its name.</summary>
    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        if (_qcow2 is not null)
        {
            await Task.Run(
                () => _qcow2.CompleteAsync(cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await Task.Run(
                () => Backend.FlushAsync(cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
        }

        await DisposeAsync().ConfigureAwait(false);
        if (_workPath != _path)
        {
            File.Move(_workPath, _path, overwrite: true);
        }
    }

    /// <summary>Removes the unfinished file. A device keeps the bytes written to it.</summary>
    public async Task DiscardAsync()
    {
        await DisposeAsync().ConfigureAwait(false);
        if (_workPath != _path)
        {
            File.Delete(_workPath);
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        if (_isOpen)
        {
            _isOpen = false;
            await Backend.DisposeAsync().ConfigureAwait(false);
            if (_backing is not null)
            {
                await _backing.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>
    /// Whether a path is of something that exists already and whose old bytes stay: a block device, an NBD export.
    /// </summary>
    internal static bool IsDevice(string path) => LocalStorage.IsNbd(path) || LocalStorage.IsBlockDevice(path);

    private static async Task<ImageTarget> OpenInPlaceAsync(
        string path, long size, ImageTargetOptions options, CancellationToken cancellationToken)
    {
        IBackend image = options.Format == "raw"
            ? await LocalStorage.OpenAsync(path, write: true, cancellationToken).ConfigureAwait(false)
            : await QemuServer.OpenAsync(
                path, new QemuImage(options.Format) { CanWrite = true }, cancellationToken).ConfigureAwait(false);
        await RequireRoomAsync(image, path, size).ConfigureAwait(false);
        return new ImageTarget(path, path, image);
    }

    private static async Task<ImageTarget> CreateQcow2Async(
        string path,
        string workPath,
        IBackend file,
        long size,
        ImageTargetOptions options,
        CancellationToken cancellationToken)
    {
        ImageFile? backing = null;
        if (options.BackingFile is { } name)
        {
            string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
            try
            {
                backing = await ImageFile.OpenAsync(
                    Path.Combine(
                        directory, name), new ImageFileOptions { Format = options.BackingFormat }, cancellationToken)
                    .ConfigureAwait(false);
            }
            catch
            {
                await file.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }

        var qcow2 = new Qcow2WriterOptions
        {
            VirtualSize = size,
            Compression = options.Compression,
            BackingFile = options.BackingFile,
            BackingFormat = backing?.Format,
            Backing = backing?.Backend,
        };
        try
        {
            Qcow2Writer writer = options.Continues
                ? await Qcow2Writer.ContinueAsync(file, qcow2, cancellationToken).ConfigureAwait(false)
                : await Qcow2Writer.CreateAsync(file, qcow2, cancellationToken).ConfigureAwait(false);
            return new ImageTarget(path, workPath, writer, backing) { IsZero = backing is null && !options.Continues };
        }
        catch (Exception) when (backing is not null)
        {
            await backing.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task RequireRoomAsync(IBackend image, string path, long size)
    {
        if (image.Size < size)
        {
            long room = image.Size;
            await image.DisposeAsync().ConfigureAwait(false);
            throw new TransferException(
                TransferError.StorageFull, $"The image has {size} bytes, but {path} only {room}");
        }
    }

    private static void Prepare(string path, long? size, bool continues)
    {
        try
        {
            using var file = new FileStream(
                path, continues ? FileMode.OpenOrCreate : FileMode.Create, FileAccess.Write);
            if (size is { } bytes)
            {
                file.SetLength(bytes);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TransferException(TransferError.ImageUnavailable, $"Creating {path} failed: {e.Message}", e);
        }
    }
}
