using System.Numerics;
using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using Xunit;
using static ImageIO.Backends.Testing.ContractAssert;

namespace ImageIO.Backends.Testing;

public abstract partial class BackendContractTests
{
    /// <summary>Configuration sections, logs and URLs use these names unchanged.</summary>
    [SkippableFact]
    public void Factory_has_a_name_and_schemes_in_lower_case() => AssertNames(Factory);

    /// <summary>See <see cref="IBackendFactory.Accepts"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Factory_accepts_its_image_and_serves_its_scheme()
    {
        ImageUrl url = await CreateImageAsync(UsualSize);
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

    /// <summary>See <see cref="IBackend.Size"/>.</summary>
    [SkippableTheory(Timeout = TestTimeout)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(4097)]
    [InlineData(UsualSize)]
    public async Task New_image_has_the_size_it_was_made_with(long size)
    {
        IBackend backend = await OpenNewAsync(size);
        Assert.True(
            backend.Size % backend.BlockSize == 0
                || !WithoutAttribute.Of(GetType()).HasFlag(ContractParts.PartialBlocks),
            "the image ends inside a block, but the class of tests leaves partial blocks out");
        long expected = backend.Capabilities.CanGrow
            ? size
            : Alignment.Up(size, Math.Max(backend.BlockSize, SizeGranularity));
        Assert.True(
            backend.Size == size || backend.Size == expected,
            $"size is {backend.Size}, expected {size} or, in whole blocks, {expected}");
    }

    /// <summary>See <see cref="IBackend.BlockSize"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Block_size_is_a_power_of_two_up_to_64_KiB()
    {
        IBackend backend = await OpenNewAsync();
        Assert.True(Alignment.IsBlockSize(backend.BlockSize), $"block size is {backend.BlockSize}");
    }

    /// <summary>See <see cref="IBackend.PreferredBlockSize"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Preferred_block_size_is_a_power_of_two_and_no_smaller_than_the_block_size()
    {
        IBackend backend = await OpenNewAsync();
        Assert.True(
            BitOperations.IsPow2(backend.PreferredBlockSize) && backend.PreferredBlockSize >= backend.BlockSize,
            $"preferred block size is {backend.PreferredBlockSize}, block size {backend.BlockSize}");
    }

    /// <summary>See <see cref="BackendCapabilities"/>.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Capabilities_are_fixed_and_consistent()
    {
        IBackend backend = await OpenNewAsync();
        BackendCapabilities capabilities = backend.Capabilities;
        Assert.True(capabilities.CanWrite, "opened for writing, but offers no writing");
        Assert.False(
            capabilities.CanGrow && WithoutAttribute.Of(GetType()).HasFlag(ContractParts.Growth),
            "the image grows, but the class of tests leaves growth out");
        Assert.True(capabilities.MaxReaders >= 1 && capabilities.MaxWriters >= 1, "no reader or no writer may run");

        await WriteAsync(backend, Pattern(backend.BlockSize, 1), 0);
        if (capabilities.CanZero)
        {
            await backend.ZeroAsync(0, backend.BlockSize, ZeroMode.Allocate, CancellationToken.None);
        }

        await backend.FlushAsync(CancellationToken.None);
        Assert.Equal(capabilities, backend.Capabilities);
    }

    /// <summary>A ticket that permits only reading must not be able to change anything.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Image_opened_for_reading_offers_nothing_that_writes()
    {
        IBackend backend = await OpenAsync(await CreateImageAsync(UsualSize), write: false);
        Assert.False(backend.Capabilities.CanWrite);
        Assert.False(backend.Capabilities.CanZero);
        Assert.False(backend.Capabilities.CanGrow);
        AssertZero(await ReadAllAsync(backend), "image opened for reading");
    }

    /// <summary>No part of an image may live only in its handle.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Flushed_data_is_there_when_the_image_is_opened_again()
    {
        ImageUrl url = await CreateImageAsync(UsualSize);
        byte[] bytes = Pattern(UsualSize, 2);
        IBackend first = await OpenAsync(url);
        await WriteAsync(first, bytes, 0);
        await first.FlushAsync(CancellationToken.None);
        await first.DisposeAsync();

        AssertSame(bytes, await ReadAllAsync(await OpenAsync(url, write: false)), "image opened again");
    }

    /// <summary>Two tickets on one image have a handle each.</summary>
    [ContractFact(Needs = ContractParts.SeveralHandles, Timeout = TestTimeout)]
    public async Task Two_handles_on_one_image_see_each_others_writes()
    {
        Skip.IfNot(OneHandleOnly is null, OneHandleOnly);
        ImageUrl url = await CreateImageAsync(UsualSize);
        IBackend first = await OpenAsync(url);
        IBackend second = await OpenAsync(url);
        byte[] bytes = Pattern(first.BlockSize, 3);
        await WriteAsync(first, bytes, first.BlockSize);
        AssertSame(bytes, await ReadAsync(second, first.BlockSize, bytes.Length), "the other handle");
    }

    /// <summary>When a ticket is removed while a connection closes, the image may be closed twice.</summary>
    [SkippableFact(Timeout = TestTimeout)]
    public async Task Closing_twice_is_harmless()
    {
        IBackend backend = await OpenNewAsync();
        await backend.DisposeAsync();
        await backend.DisposeAsync();
    }
}
