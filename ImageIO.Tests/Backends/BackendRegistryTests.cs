using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Tests.Support;
using Moq;

namespace ImageIO.Tests.Backends;

public sealed class BackendRegistryTests
{
    private static readonly ImageUrl Url = ImageUrl.Parse("memory:disk");

    [Fact]
    public void Two_backends_of_one_name_stop_the_start_and_both_are_named()
    {
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(
            () => new BackendRegistry([new MemoryFactory("same"), new MemoryFactory("same")]));

        Assert.Contains("'same'", e.Message, StringComparison.Ordinal);
        Assert.Contains(typeof(MemoryFactory).FullName!, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_one_backend_that_accepts_a_url_gets_it()
    {
        var right = new MemoryFactory("right");
        var registry = new BackendRegistry([new MemoryFactory("wrong") { AcceptsAll = false }, right]);

        Assert.Same(right, registry.Select(Url));
        Assert.Equal(2, registry.Factories.Count);
    }

    [Theory]
    [InlineData(false, "None")]
    [InlineData(true, "Several")]
    public void When_none_or_two_accept_a_url_the_error_names_them(bool accept, string word)
    {
        var registry = new BackendRegistry(
            [new MemoryFactory("one") { AcceptsAll = accept }, new MemoryFactory("two") { AcceptsAll = accept }]);

        TransferException e = Assert.Throws<TransferException>(() => registry.Select(Url));

        Assert.Equal(TransferError.ImageUnavailable, e.Error);
        Assert.StartsWith(word, e.Message, StringComparison.Ordinal);
        Assert.Contains("one, two", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_scheme_is_refused_and_the_known_ones_are_listed()
    {
        var registry = new BackendRegistry(
            [new MemoryFactory("a") { Schemes = ["zz", "aa"] }, new MemoryFactory("b") { Schemes = ["aa"] }]);

        TransferException e = Assert.Throws<TransferException>(
            () => registry.RequireServable(ImageUrl.Parse("tape:1")));

        Assert.Equal(TransferError.InvalidRequest, e.Error);
        Assert.Contains("'tape'", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("aa, zz", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_scheme_whose_backend_is_unavailable_is_refused_with_the_reason()
    {
        var registry = new BackendRegistry(
            [new MemoryFactory() { Unavailable = "libtape.so.1 is missing: install libtape1" }]);

        TransferException e = Assert.Throws<TransferException>(() => registry.RequireServable(Url));

        Assert.Equal(TransferError.InvalidRequest, e.Error);
        Assert.Contains("'memory'", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("libtape.so.1 is missing: install libtape1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unavailable_backend_does_not_stand_in_the_way_of_another_one_of_its_scheme()
    {
        var right = new MemoryFactory("right");
        var registry = new BackendRegistry([new MemoryFactory("wrong") { Unavailable = "broken" }, right]);

        Assert.Same(right, registry.Select(Url));
    }

    [Fact]
    public void An_unavailable_backend_never_looks_at_a_url()
    {
        var broken = new Mock<IBackendFactory>();
        broken.SetupGet(factory => factory.Name).Returns("broken");
        broken.SetupGet(factory => factory.Schemes).Returns([Url.Scheme]);
        broken.SetupGet(factory => factory.Unavailable).Returns("its library is missing");
        var registry = new BackendRegistry([broken.Object, new MemoryFactory("right")]);

        _ = registry.Select(Url);

        broken.Verify(factory => factory.Refusal(It.IsAny<ImageUrl>()), Times.Never);
        broken.Verify(factory => factory.Accepts(It.IsAny<ImageUrl>()), Times.Never);
    }

    [Fact]
    public void A_url_that_its_only_backend_refuses_is_refused_with_the_reason_alone()
    {
        var registry = new BackendRegistry([new MemoryFactory() { RefusalOfAll = "the option 'key' is not allowed" }]);

        TransferException e = Assert.Throws<TransferException>(() => registry.RequireServable(Url));

        Assert.Equal((TransferError.InvalidRequest, "the option 'key' is not allowed"), (e.Error, e.Message));
    }

    [Fact]
    public void A_backend_that_refuses_a_url_does_not_stand_in_the_way_of_another_one_of_its_scheme()
    {
        var right = new MemoryFactory("right");
        var registry = new BackendRegistry([new MemoryFactory("wrong") { RefusalOfAll = "no" }, right]);

        Assert.Same(right, registry.Select(Url));
    }
}
