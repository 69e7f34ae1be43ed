using ImageIO.Client.Local;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Formats.Qcow2;

namespace ImageIO.Client;

/// <summary>
/// Where a download goes: a new file, raw or qcow2, or a block device. The file bears its name only when it is whole.
/// </summary>
public sealed class ImageTarget : IAsyncDisposable
{
    private readonly string _path;
    private readonly string _workPath;
    private readonly Qcow2Writer? _qcow2;
    private readonly ImageFile? _backing;
    private bool _isOpen = true;

    private ImageTarget(string path, string workPath, IBackend backend, Qcow2Writer? qcow2, ImageFile? backing)
    {
        _path = path;
        _workPath = workPath;
        Backend = backend;
        _qcow2 = qcow2;
        _backing = backing;
    }

    /// <summary>Where the guest's bytes go.</summary>
    public IBackend Backend { get; }

    /// <summary>Whether it reads as zeroes where nothing was written: not so a device, or a file that is gone on with.</summary>
    public bool IsZero { get; private init; }

    /// <summary>The file that is being written; it gets its name when it is complete.</summary>
    public string WorkPath => _workPath;

    /// <summary>Creates a target.</summary>
    /// <param name="path">A path of a file, which is replaced when the image is complete, or a block device.</param>
    /// <param name="size">Bytes of the image.</param>
    /// <param name="options">What it shall be. Null: the defaults.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public static async Task<ImageTarget> CreateAsync(
        string path, long size, ImageTargetOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new ImageTargetOptions();
        // What exists already, of a size of its own, and may be full of old bytes.
        bool isDevice = LocalStorage.IsNbd(path) || LocalStorage.IsBlockDevice(path);
        string workPath = isDevice ? path : $"{path}.part";
        if (!isDevice)
        {
            Prepare(workPath, options.Format == "raw" ? size : 0, options.Continues);
        }

        ImageFile? backing = null;
        IBackend file = await LocalStorage.OpenAsync(workPath, write: true, cancellationToken).ConfigureAwait(false);
        if (options.Format == "raw")
        {
            if (file.Size < size)
            {
                long room = file.Size;
                await file.DisposeAsync().ConfigureAwait(false);
                throw new TransferException(TransferError.StorageFull, $"The image has {size} bytes, but {path} only {room}");
            }

            return new ImageTarget(path, workPath, file, qcow2: null, backing) { IsZero = !isDevice && !options.Continues };
        }

        if (options.BackingFile is { } name)
        {
            string directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
            backing = await ImageFile.OpenAsync(
                Path.Combine(directory, name), new ImageFileOptions { Format = options.BackingFormat }, cancellationToken).ConfigureAwait(false);
        }

        var writer = await Qcow2Writer.CreateAsync(
            file,
            new Qcow2WriterOptions
            {
                VirtualSize = size,
                Compression = options.Compression,
                BackingFile = options.BackingFile,
                BackingFormat = backing is null ? null : backing.Format,
                Backing = backing?.Backend,
            },
            cancellationToken).ConfigureAwait(false);
        return new ImageTarget(path, workPath, writer, writer, backing) { IsZero = backing is null };
    }

    /// <summary>The image is whole: makes it durable, closes it and gives the file its name.</summary>
    public async Task CompleteAsync(CancellationToken cancellationToken)
    {
        if (_qcow2 is not null)
        {
            await Task.Run(() => _qcow2.CompleteAsync(cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await Task.Run(() => Backend.FlushAsync(cancellationToken).AsTask(), cancellationToken).ConfigureAwait(false);
        }

        await DisposeAsync().ConfigureAwait(false);
        if (_workPath != _path)
        {
            File.Move(_workPath, _path, overwrite: true);
        }
    }

    /// <summary>Removes the file that was begun. A device keeps what was written to it.</summary>
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

    private static void Prepare(string path, long size, bool continues)
    {
        try
        {
            using var file = new FileStream(path, continues ? FileMode.OpenOrCreate : FileMode.Create, FileAccess.Write);
            file.SetLength(size);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TransferException(TransferError.ImageUnavailable, $"Creating {path} failed: {e.Message}", e);
        }
    }
}
