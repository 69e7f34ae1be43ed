using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Tickets;

/// <summary>A ticket's image is open exactly as long as somebody uses it.</summary>
public sealed class TicketImageTests : IDisposable
{
    private readonly TicketFixture _fixture = new();
    private readonly Ticket _ticket;

    public TicketImageTests() => _ticket = _fixture.Store.Add(TicketFixture.Spec);

    public void Dispose() => _fixture.Dispose();

    [Fact(Timeout = 30_000)]
    public async Task It_is_opened_once_and_closed_with_the_last_connection()
    {
        var first = new ImageLeases();
        var second = new ImageLeases();
        ImageHandle[] images = await Task.WhenAll(
            first.OpenAsync(_ticket, default).AsTask(), second.OpenAsync(_ticket, default).AsTask());
        await first.OpenAsync(_ticket, default);

        Assert.Same(images[0], images[1]);
        Assert.Equal(2, _ticket.Connections);
        MemoryBackend backend = Assert.Single(_fixture.Factory.Opened);

        await first.DisposeAsync();
        Assert.Equal(1, _ticket.Connections);
        Assert.False(backend.IsDisposed);

        await second.DisposeAsync();
        Assert.Equal(0, _ticket.Connections);
        Assert.True(backend.IsDisposed);
    }

    [Fact(Timeout = 30_000)]
    public async Task It_is_opened_afresh_after_it_was_closed()
    {
        await using (var first = new ImageLeases())
        {
            await first.OpenAsync(_ticket, default);
        }

        await using var second = new ImageLeases();
        await second.OpenAsync(_ticket, default);

        Assert.Equal([true, false], _fixture.Factory.Opened.Select(backend => backend.IsDisposed));
    }

    [Theory(Timeout = 30_000)]
    [InlineData("read", false)]
    [InlineData("write", true)]
    public async Task It_is_opened_for_what_the_ticket_permits(string op, bool write)
    {
        Ticket ticket = _fixture.Store.Add(TicketFixture.Spec with { Ops = [op], Dirty = true });
        await using var connection = new ImageLeases();

        await connection.OpenAsync(ticket, default);

        Assert.Equal(new ImageAccess(write, Dirty: true), _fixture.Factory.LastAccess);
    }

    [Fact(Timeout = 30_000)]
    public async Task An_opening_that_failed_is_tried_again_by_the_next_request()
    {
        _fixture.Factory.Failure = new TransferException(TransferError.ImageUnavailable, "gone for a test");
        await using var connection = new ImageLeases();

        await Assert.ThrowsAsync<TransferException>(() => connection.OpenAsync(_ticket, default).AsTask());
        Assert.Equal(0, _ticket.Connections);

        await connection.OpenAsync(_ticket, default);
        Assert.Equal(1, _ticket.Connections);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_ticket_cancelled_while_its_image_is_being_opened_leaves_no_image_open()
    {
        Held opening = _fixture.Factory.Opening = new Held();
        await using var connection = new ImageLeases();
        Task<ImageHandle> open = connection.OpenAsync(_ticket, default).AsTask();
        await opening.Arrived;
        Task removing = _fixture.Store.RemoveAsync(TicketFixture.Id, TimeSpan.FromSeconds(60));

        opening.Release();

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => open);
        Assert.Equal(TransferError.TicketCanceled, e.Error);
        await removing;
        Assert.True(Assert.Single(_fixture.Factory.Opened).IsDisposed);
        Assert.Equal(0, _ticket.Connections);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_connection_that_meets_a_replaced_ticket_lets_the_old_image_go()
    {
        await using var connection = new ImageLeases();
        await connection.OpenAsync(_ticket, default);
        Ticket replacement = _fixture.Store.Add(TicketFixture.Spec);

        await connection.OpenAsync(replacement, default);

        Assert.Equal([true, false], _fixture.Factory.Opened.Select(backend => backend.IsDisposed));
        Assert.Equal((0, 1), (_ticket.Connections, replacement.Connections));
    }

    [Fact(Timeout = 30_000)]
    public async Task An_image_that_fails_to_close_does_not_keep_the_ticket_from_being_removed()
    {
        var failing = new FailingCloseFactory();
        using var pool = new Core.Buffers.BufferPool(65536);
        var registry = new BackendRegistry([failing]);
        var store = new TicketStore(
            registry, new ImageOpener(registry, pool, _ => new RingSettings(), TestThreads.Shared), _fixture.Clock);
        Ticket ticket = store.Add(TicketFixture.Spec);
        await using var connection = new ImageLeases();
        await connection.OpenAsync(ticket, default);
        var operation = new ScriptedOperation();
        Task running = ticket.RunAsync(operation, default);
        Task removing = store.RemoveAsync(TicketFixture.Id, TimeSpan.FromSeconds(60));

        operation.EndCanceled();

        await Assert.ThrowsAsync<TransferException>(() => running);
        await removing;
        Assert.Empty(store.All);
    }

    private sealed class FailingCloseFactory : IBackendFactory
    {
        public string Name => "failing";

        public IReadOnlyCollection<string> Schemes { get; } = ["memory"];

        public bool Accepts(ImageUrl url) => true;

        public ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken) =>
            ValueTask.FromResult<IBackend>(new FaultyBackend(new MemoryBackend(512))
            {
                CloseFailure = new TransferException(TransferError.StorageFailed, "close fails for a test"),
            });
    }
}
