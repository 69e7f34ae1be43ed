using ImageIO.Client.Copying;
using ImageIO.Client.Local;
using ImageIO.Client.Transport;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Formats;
using ImageIO.Formats.Ova;
using ImageIO.Formats.Qcow2;

namespace ImageIO.Client;

/// <summary>A local image to read: a raw or qcow2 file, a block device, or a member of an OVA.</summary>
public sealed class ImageFile : IAsyncDisposable
{
    // More layers than are ever used. Also ends a loop of names.
    private const int LongestChain = 256;

    private ImageFile(string path, string format, IBackend backend, Qcow2Reader? qcow2, string? member)
    {
        Path = path;
        Format = format;
        Backend = backend;
        Qcow2 = qcow2;
        Member = member;
    }

    /// <summary>Its path.</summary>
    public string Path { get; }

    /// <summary>Its format.</summary>
    public string Format { get; }

    /// <summary>The guest's bytes. Calls may block.</summary>
    public IBackend Backend { get; }

    /// <summary>Bytes of the guest's disk.</summary>
    public long VirtualSize => Backend.Size;

    /// <summary>Identifies the file and its state. A changed file has another identity.</summary>
    public string Identity
    {
        get
        {
            if (LocalStorage.IsNbd(Path))
            {
                return Path;
            }

            var file = new FileInfo(Path);
            string state = $"{file.FullName} {file.Length} {file.LastWriteTimeUtc.Ticks} {LocalStorage.InodeOf(Path)}";
            return $"{state} {Format} {Member}".TrimEnd();
        }
    }

    private Qcow2Reader? Qcow2 { get; }

    private string? Member { get; }

    /// <summary>Opens an image.</summary>
    /// <param name="path">The file or device.</param>
    /// <param name="options">Null: the defaults.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.ImageUnavailable"/>: the image does not exist, or is damaged.
    /// <see cref="TransferError.NotSupported"/>: its format is not supported.
    /// </exception>
    public static async Task<ImageFile> OpenAsync(
        string path, ImageFileOptions? options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new ImageFileOptions();
        IBackend file = await LocalStorage.OpenAsync(path, write: false, cancellationToken).ConfigureAwait(false);
        (long Offset, long Size)? window = null;
        try
        {
            if (options.Member is { } name)
            {
                TarMember member = TarArchive.Find(
                    await TarArchive.ReadAsync(file, cancellationToken).ConfigureAwait(false), name);
                file = new BackendWindow(file, member.Offset, member.PaddedSize);
                window = (member.Offset, member.PaddedSize);
            }

            // An NBD server shows the guest's bytes.
            string format = options.Format
                ?? (LocalStorage.IsNbd(
                    path) ? "raw" : await ProbeAsync(file, path, cancellationToken).ConfigureAwait(false));
            switch (format)
            {
                case "raw":
                    return new ImageFile(path, format, file, qcow2: null, options.Member);
                case "qcow2" when options is not { Format: not null, WithBackingChain: true }
                    || await HasPlainBackingAsync(file, cancellationToken).ConfigureAwait(false):
                    Qcow2Reader image = await OpenQcow2Async(
                        file, path, options.WithBackingChain, depth: 0, cancellationToken).ConfigureAwait(false);
                    return new ImageFile(path, format, image, image, options.Member);
                case "ova":
                    throw new TransferException(
                        TransferError.NotSupported,
                        $"{path} is an archive; say which of its members is meant (--member)");
                default:
                    await file.DisposeAsync().ConfigureAwait(false);
                    IBackend served = await QemuServer.OpenAsync(
                        path, new QemuImage(format) { Window = window }, cancellationToken).ConfigureAwait(false);
                    return new ImageFile(path, format, served, qcow2: null, options.Member);
            }
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Properties of the image.</summary>
    public async Task<ImageFileInfo> GetInfoAsync(CancellationToken cancellationToken) => new(
        Format,
        VirtualSize,
        await AllocatedAsync(cancellationToken).ConfigureAwait(false),
        Qcow2?.Header.BackingFile,
        Qcow2?.Header.BackingFormat,
        Qcow2?.Header.ClusterSize,
        Qcow2 is null ? [] : await Qcow2.ReadBitmapsAsync(cancellationToken).ConfigureAwait(false),
        Member);

    /// <summary>Reads some of the guest's bytes. Behind the end there are zeroes.</summary>
    public async Task<byte[]> ReadAsync(long offset, int length, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[length];
        using var access = new UnalignedAccess(Backend);
        await access.ReadAsync(bytes, offset, cancellationToken).ConfigureAwait(false);
        return bytes;
    }

    /// <summary>Where it has data, zeroes and holes; or what changed, as a bitmap says.</summary>
    /// <param name="bitmap">Name of a dirty bitmap. Null: data, zeroes and holes.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.InvalidRequest"/>: there is no such bitmap.
    /// <see cref="TransferError.NotSupported"/>: images of this format have none.
    /// </exception>
    public IAsyncEnumerable<Extent> ExtentsAsync(string? bitmap, CancellationToken cancellationToken) =>
        bitmap is null ? Backend.GetExtentsAsync(ExtentContext.Zero, cancellationToken)
        : Qcow2 is not null ? Qcow2.GetDirtyExtentsAsync(bitmap, cancellationToken)
        : throw new TransferException(
            TransferError.NotSupported,
            $"{Path} is of format {Format}: only qcow2 images hold bitmaps that are read here");

    /// <summary>The size of a qcow2 file with this content.</summary>
    public Task<Qcow2Measure> MeasureAsync(CancellationToken cancellationToken) =>
        MeasureAsync(bitmap: null, cancellationToken);

    /// <summary>How large a qcow2 image of what changed becomes.</summary>
    /// <param name="bitmap">Name of a dirty bitmap. Null: an image of all.</param>
    /// <param name="cancellationToken">Ends the counting.</param>
    public async Task<Qcow2Measure> MeasureAsync(string? bitmap, CancellationToken cancellationToken)
    {
        IAsyncEnumerable<Extent> extents = ExtentsAsync(bitmap, cancellationToken);
        return await Qcow2Measure.OfAsync(
            bitmap is null ? extents : extents.Where(extent => extent.Flags.HasFlag(ExtentFlags.Dirty)),
            VirtualSize, 64 * 1024, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Its checksum, as a server computes it.</summary>
    public async Task<ImageChecksum> ChecksumAsync(CancellationToken cancellationToken)
    {
        var digests = new BlockDigests(VirtualSize);
        DigestRun run = digests.Begin(0);
        using var access = new UnalignedAccess(Backend);
        Memory<byte> buffer = AlignedMemory.Allocate(Segment.Block);
        await foreach (Extent extent in Backend.GetExtentsAsync(
            ExtentContext.Zero, cancellationToken).ConfigureAwait(false))
        {
            if (extent.Flags.HasFlag(ExtentFlags.Zero))
            {
                run.AppendZeroes(extent.Range.Length);
                continue;
            }

            for (long position = extent.Range.Start; position < extent.Range.End;)
            {
                Memory<byte> piece = buffer[..(int)Math.Min(buffer.Length, extent.Range.End - position)];
                await access.ReadAsync(piece, position, cancellationToken).ConfigureAwait(false);
                run.Append(piece.Span);
                position += piece.Length;
            }
        }

        return new ImageChecksum(BlockDigests.Algorithm, Segment.Block, digests.Finish(VirtualSize));
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => Backend.DisposeAsync();

    private static async Task<string> ProbeAsync(IBackend file, string path, CancellationToken cancellationToken)
    {
        using var access = new UnalignedAccess(file);
        byte[] start = new byte[Math.Min(file.Size, FormatProbe.Bytes)];
        await access.ReadAsync(start, 0, cancellationToken).ConfigureAwait(false);
        return FormatProbe.Of(start, path);
    }

    private static ValueTask<Qcow2Reader> OpenQcow2Async(
        IBackend file, string path, bool withBacking, int depth, CancellationToken cancellationToken) =>
        Qcow2Reader.OpenAsync(
            file,
            withBacking ? (header, token) => OpenBackingAsync(header, path, depth + 1, token) : null,
            cancellationToken);

    private static async ValueTask<bool> HasPlainBackingAsync(IBackend file, CancellationToken cancellationToken) =>
        (await Qcow2Reader.ReadHeaderAsync(file, cancellationToken).ConfigureAwait(false)).BackingFile is not { } name
            || IsPlainPath(name);

    private static bool IsPlainPath(string name) => !name.Split('/')[0].Contains(':', StringComparison.Ordinal);

    // A guest may have written what was probed, and let it name any file as its backing file. A name that is no plain
    // path is followed only if the caller has said what the image is; then qemu-nbd does it.
    private static async ValueTask<IBackend> OpenBackingAsync(
        Qcow2Header header, string path, int depth, CancellationToken cancellationToken)
    {
        string name = header.BackingFile!;
        if (depth > LongestChain)
        {
            throw new TransferException(
                TransferError.ImageUnavailable, $"{path}: the chain of backing files is longer than {LongestChain}");
        }

        if (!IsPlainPath(name))
        {
            throw new TransferException(
                TransferError.NotSupported,
                $"{path}: its backing file is no plain path. If you trust it, say its format: --source-format qcow2");
        }

        string backing = System.IO.Path.Combine(
            System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!, name);
        IBackend file = await LocalStorage.OpenAsync(backing, write: false, cancellationToken).ConfigureAwait(false);
        try
        {
            string format = header.BackingFormat ?? await ProbeAsync(
                file, backing, cancellationToken).ConfigureAwait(false);
            switch (format)
            {
                case "raw" or "file" or "host_device":
                    return file;
                case "qcow2":
                    return await OpenQcow2Async(file, backing, true, depth, cancellationToken).ConfigureAwait(false);
                default:
                    await file.DisposeAsync().ConfigureAwait(false);
                    return await QemuServer.OpenAsync(
                        backing, new QemuImage(format), cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<long> AllocatedAsync(CancellationToken cancellationToken)
    {
        IBackend file = await LocalStorage.OpenAsync(Path, write: false, cancellationToken).ConfigureAwait(false);
        await using (file.ConfigureAwait(false))
        {
            long allocated = 0;
            await foreach (Extent extent in file.GetExtentsAsync(
                ExtentContext.Zero, cancellationToken).ConfigureAwait(false))
            {
                allocated += extent.Flags.HasFlag(ExtentFlags.Zero) ? 0 : extent.Range.Length;
            }

            return allocated;
        }
    }
}
