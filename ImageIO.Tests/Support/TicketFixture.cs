using ImageIO.Core.Backends;
using ImageIO.Core.Buffers;
using ImageIO.Core.Tickets;
using Microsoft.Extensions.Time.Testing;

namespace ImageIO.Tests.Support;

/// <summary>A store of tickets with a stopped clock, and images in memory.</summary>
internal sealed class TicketFixture : IDisposable
{
    private readonly BufferPool _pool = new(4 * 1024 * 1024);

    public TicketFixture()
    {
        var registry = new BackendRegistry([Factory]);
        Opener = new ImageOpener(registry, _pool, _ => StorageImage.SmallRing, TestThreads.Shared);
        Store = new TicketStore(registry, Opener, Clock);
    }

    public FakeTimeProvider Clock { get; } = new();

    public MemoryFactory Factory { get; } = new();

    public ImageOpener Opener { get; }

    public TicketStore Store { get; }

    public static TicketId Id { get; } = new("0123456789abcdefghij");

    public static TicketSpec Spec { get; } = new()
    {
        Id = Id,
        Size = 10_000,
        Url = ImageUrl.Parse("memory:disk"),
        Ops = ["write"],
        TimeoutSeconds = 300,
        InactivityTimeoutSeconds = 60,
    };

    public void Dispose() => _pool.Dispose();
}
