using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using Xunit;

namespace ImageIO.Backends.Testing;

/// <summary>
/// What every backend that writes must do; <see cref="ReadOnlyBackendContractTests"/> is for those that only read.
/// Derive
/// one class for each kind of image, say how a new image is made, and xunit runs every test on it.
/// </summary>
/// <remarks>
/// <para>Split by concern: this part is what a backend author implements, the others are the tests. They keep the
/// promises of <see cref="IBackend"/> to its callee, and judge a backend only by what it offers: an image that cannot
/// grow skips the tests of growth, with that reason. Where no image of a kind can, mark the class with
/// <see cref="WithoutAttribute"/>, and it has no such tests.</para>
/// <para>A kind of storage that this machine lacks is skipped too: call <c>Skip.If</c> (Xunit.SkippableFact) in
/// <see cref="CreateImageAsync"/>.</para>
/// </remarks>
public abstract partial class BackendContractTests : IAsyncLifetime
{
    /// <summary>Milliseconds for one test, far more than any needs, so that a slow disk fails nothing.</summary>
    public const int TestTimeout = 60_000;

    /// <summary>Bytes of a usual image: 16 times the largest block size.</summary>
    protected const int UsualSize = 1024 * 1024;

    // The largest buffer of a test is twice the usual image; several are held at once in parallel tests.
    private readonly List<IBackend> _opened = [];
    private IBackendFactory? _factory;

    /// <summary>Creates the factory under test, once for each test.</summary>
    protected abstract IBackendFactory CreateFactory();

    /// <summary>The factory of this test. Only one, because it may hold state that handles share.</summary>
    private IBackendFactory Factory => _factory ??= CreateFactory();

    /// <summary>Creates an image of zeroes that the factory accepts and can open for writing.</summary>
    /// <param name="size">Bytes, 0 or more. Storage of fixed granularity, like a device, may round up to a whole
    /// block.</param>
    protected abstract ValueTask<ImageUrl> CreateImageAsync(long size);

    /// <summary>The URL of a missing image that the factory accepts. Null: every image exists.</summary>
    protected virtual ImageUrl? MissingImage => null;

    /// <summary>Bytes that a new image's size is rounded up to, if more than the block size.</summary>
    protected virtual int SizeGranularity => 1;

    /// <summary>
    /// Why an image of this kind can be open only once at a time. Null: it can be open several times.
    /// </summary>
    protected virtual string? OneHandleOnly => null;

    /// <summary>
    /// Why zeroes of a new image may be reported as data although zero extents are offered. Null: they are not.
    /// </summary>
    protected virtual string? ZeroesShowAsData => null;

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
    protected async ValueTask<IBackend> OpenAsync(ImageUrl url, bool write = true)
    {
        IBackend backend = await Factory.OpenAsync(url, new ImageAccess(write), CancellationToken.None);
        _opened.Add(backend);
        return backend;
    }

    /// <summary>A new image, open for writing.</summary>
    protected async ValueTask<IBackend> OpenNewAsync(long size = UsualSize) =>
        await OpenAsync(await CreateImageAsync(size));

    private async ValueTask WriteAsync(
        IBackend backend, byte[] bytes, long offset, CancellationToken cancellationToken = default)
    {
        using AlignedBuffer buffer = AlignedBuffer.Allocate(bytes.Length);
        bytes.CopyTo(buffer.GetSpan());
        await backend.WriteAsync(buffer.Memory[..bytes.Length], offset, cancellationToken);
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

    private ValueTask<byte[]> ReadAllAsync(IBackend backend) => ReadAsync(backend, 0, backend.Size);
}
