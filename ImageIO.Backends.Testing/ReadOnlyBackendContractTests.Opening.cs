using System.Numerics;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

public abstract partial class ReadOnlyBackendContractTests
{
    /// <summary>Configuration sections, logs and URLs use these names unchanged.</summary>
    [SkippableFact]
    public void Factory_has_a_name_and_schemes_in_lower_case() => AssertNames(Factory);

    /// <summary>See <see cref="IBackendFactory.Accepts"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Factory_accepts_its_image_and_serves_its_scheme()
    {
        ImageUrl url = await CreateImageAsync(Content(UsualSize));
        Assert.True(Factory.Accepts(url));
        Assert.Contains(url.Scheme, Factory.Schemes);
    }

    /// <summary>See <see cref="IBackendFactory.OpenAsync"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Missing_image_is_unavailable()
    {
        Skip.If(MissingImage is null, "every image of this kind exists");
        await AssertUnavailableAsync(() => OpenAsync(MissingImage!));
    }

    /// <summary>A ticket for writing must learn at once that it cannot write, and not lose what it sends.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Opening_for_writing_is_refused()
    {
        ImageUrl url = await CreateImageAsync(Content(UsualSize));
        await AssertUnavailableAsync(
            () => Factory.OpenAsync(url, new ImageAccess(Write: true), CancellationToken.None));
    }

    /// <summary>See <see cref="IBackend.Size"/>.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(4097)]
    [InlineData(UsualSize)]
    public async Task Image_has_the_size_of_its_content(int size)
    {
        IBackend backend = await OpenNewAsync(Content(size));
        long whole = Alignment.Up(size, backend.BlockSize);
        Assert.True(
            backend.Size == size || backend.Size == whole,
            $"size is {backend.Size}, expected {size} or, in whole blocks, {whole}");
    }

    /// <summary>See <see cref="IBackend.BlockSize"/> and <see cref="IBackend.PreferredBlockSize"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Block_sizes_are_powers_of_two_and_in_bounds()
    {
        IBackend backend = await OpenNewAsync(Content(UsualSize));
        Assert.True(Alignment.IsBlockSize(backend.BlockSize), $"block size is {backend.BlockSize}");
        Assert.True(
            BitOperations.IsPow2(backend.PreferredBlockSize) && backend.PreferredBlockSize >= backend.BlockSize,
            $"preferred block size is {backend.PreferredBlockSize}, block size {backend.BlockSize}");
    }

    /// <summary>See <see cref="BackendCapabilities"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Capabilities_are_fixed_and_offer_nothing_that_writes()
    {
        IBackend backend = await OpenNewAsync(Content(UsualSize));
        BackendCapabilities capabilities = backend.Capabilities;
        Assert.False(
            capabilities.CanWrite || capabilities.CanZero || capabilities.CanGrow, "something that writes is offered");
        Assert.True(capabilities.MaxReaders >= 1 && capabilities.MaxWriters >= 1, "no reader or no writer may run");

        await ReadAsync(backend, 0, UsualSize);
        Assert.Equal(capabilities, backend.Capabilities);
    }

    /// <summary>Two tickets on one image have a handle each.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Closing_one_of_two_handles_leaves_the_other_as_it_was()
    {
        Skip.IfNot(OneHandleOnly is null, OneHandleOnly);
        byte[] content = Content(UsualSize);
        ImageUrl url = await CreateImageAsync(content);
        IBackend first = await OpenAsync(url);
        IBackend second = await OpenAsync(url);
        AssertSame(content.AsMemory(0, 65536), await ReadAsync(first, 0, 65536), "the first handle");
        AssertSame(content, await ReadAsync(second, 0, UsualSize), "the second handle");
        await first.DisposeAsync();
        AssertSame(content, await ReadAsync(second, 0, UsualSize), "the second handle, alone");
    }

    /// <summary>When a ticket is removed while a connection closes, the image may be closed twice.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Closing_twice_is_harmless()
    {
        IBackend backend = await OpenNewAsync(Content(UsualSize));
        await backend.DisposeAsync();
        await backend.DisposeAsync();
    }
}
