using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

/// <summary>
/// What a backend must do that only reads: compressed archives, snapshots, exports of a backup. Derive one class for
/// each kind
/// of image, say how an image of given content is made, and xunit runs every test on it.
/// </summary>
/// <remarks>
/// <para>Split by concern: this part is what a backend author implements, the others are the tests. Images are opened
/// for
/// reading; that opening one for writing is refused is a test of its own.</para>
/// <para>A kind of storage that this machine lacks is skipped: call <c>Skip.If</c> (Xunit.SkippableFact) in
/// <see cref="CreateImageAsync"/>.</para>
/// </remarks>
public abstract partial class ReadOnlyBackendContractTests : IAsyncLifetime
{
    /// <inheritdoc cref="BackendContractTests.TestTimeout"/>
    public const int TestTimeout = BackendContractTests.TestTimeout;

    /// <summary>Bytes of a usual image: 16 times the largest block size.</summary>
    protected const int UsualSize = 1024 * 1024;

    private readonly List<IBackend> _opened = [];
    private IBackendFactory? _factory;

    /// <summary>Creates the factory under test, once for each test.</summary>
    protected abstract IBackendFactory CreateFactory();

    /// <summary>Creates an image with this content that the factory accepts and can open for reading.</summary>
    /// <param name="content">0 bytes or more, some of them zeroes. Storage of fixed granularity may add zeroes up to a
    /// whole block.</param>
    protected abstract ValueTask<ImageUrl> CreateImageAsync(byte[] content);

    /// <summary>The URL of a missing image that the factory accepts. Null: every image exists.</summary>
    protected virtual ImageUrl? MissingImage => null;

    /// <inheritdoc cref="BackendContractTests.OneHandleOnly"/>
    protected virtual string? OneHandleOnly => null;

    private IBackendFactory Factory => _factory ??= CreateFactory();

    /// <summary>Runs before each test.</summary>
    public virtual Task InitializeAsync() => Task.CompletedTask;

    /// <summary>
    /// Runs after each test and closes images that it opened. Override it to remove the images, and call this first.
    /// </summary>
    public virtual async Task DisposeAsync()
    {
        foreach (IBackend backend in _opened)
        {
            await backend.DisposeAsync();
        }
    }

    /// <summary>Opens an image until the test ends.</summary>
    protected async ValueTask<IBackend> OpenAsync(ImageUrl url)
    {
        IBackend backend = await Factory.OpenAsync(url, new ImageAccess(Write: false), CancellationToken.None);
        _opened.Add(backend);
        return backend;
    }

    /// <summary>A new image with content of its own, open for reading.</summary>
    protected async ValueTask<IBackend> OpenNewAsync(byte[] content) =>
        await OpenAsync(await CreateImageAsync(content));

    // Data and zeroes in turn, with edges inside blocks.
    private static byte[] Content(int size)
    {
        byte[] content = Pattern(size, size);
        for (int start = 10_000; start < size; start += 150_000)
        {
            content.AsSpan(start, Math.Min(70_000, size - start)).Clear();
        }

        return content;
    }

    private async ValueTask<byte[]> ReadAsync(
        IBackend backend, long offset, long length, CancellationToken cancellationToken = default)
    {
        int aligned = (int)Alignment.Up(length, backend.BlockSize);
        using AlignedBuffer buffer = AlignedBuffer.Allocate(Math.Max(aligned, 1));
        // So that bytes which the backend does not fill show.
        buffer.GetSpan().Fill(0xEE);
        await backend.ReadAsync(buffer.Memory[..aligned], offset, cancellationToken);
        return buffer.GetSpan()[..(int)length].ToArray();
    }
}
