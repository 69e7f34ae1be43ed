using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Tickets;

/// <summary>A ticket's image is open exactly as long as it is in use.</summary>
public sealed class TicketImageTests : IDisposable
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(60);
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

    [Theory(Timeout = 30_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Opening_and_closing_count_as_use_and_are_waited_for_no_longer_than_asked(bool closing)
    {
        var hung = new Held();
        _fixture.Factory.Opening = closing ? null : hung;
        _fixture.Factory.Closing = closing ? hung : null;
        await using var connection = new ImageLeases();
        Task<ImageHandle> open = connection.OpenAsync(_ticket, default).AsTask();
        if (closing)
        {
            await open;
        }

        Task removing = _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);
        await hung.Arrived;

        Assert.True(_ticket.IsActive);
        Assert.Equal(0, _ticket.IdleSeconds);
        _fixture.Clock.Advance(Wait);
        Assert.Equal(TransferError.CancelTimedOut, (await Assert.ThrowsAsync<TransferException>(() => removing)).Error);
        Task again = _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);
        Assert.False(again.IsCompleted);

        hung.Release();
        await again;
        Assert.Empty(_fixture.Store.All);
        Assert.True(Assert.Single(_fixture.Factory.Opened).IsDisposed);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Removing_without_waiting_returns_while_the_storage_hangs_and_the_ticket_goes_later(bool closing)
    {
        var hung = new Held();
        _fixture.Factory.Opening = closing ? null : hung;
        _fixture.Factory.Closing = closing ? hung : null;
        await using var connection = new ImageLeases();
        Task<ImageHandle> open = connection.OpenAsync(_ticket, default).AsTask();
        if (closing)
        {
            await open;
        }

        await _fixture.Store.RemoveAsync(TicketFixture.Id, TimeSpan.Zero);
        await hung.Arrived;

        Assert.True(_fixture.Store.Find(TicketFixture.Id) is { IsCanceled: true, IsActive: true });
        hung.Release();
        await Eventually.HoldsAsync(() => !_fixture.Store.All.Any(), "the ticket has gone");
        Assert.True(Assert.Single(_fixture.Factory.Opened).IsDisposed);
    }

    // Issue 15, A5: it was deleted in 10 ms, and its upload went on.
    [Fact(Timeout = 30_000)]
    public async Task A_ticket_replaced_while_its_image_is_being_opened_is_removed_with_its_successor()
    {
        Held opening = _fixture.Factory.Opening = new Held();
        await using var connection = new ImageLeases();
        Task<ImageHandle> open = connection.OpenAsync(_ticket, default).AsTask();
        await opening.Arrived;
        _fixture.Store.Add(TicketFixture.Spec);

        Task removing = _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);

        Assert.False(removing.IsCompleted, "Removed while the image of the replaced ticket is being opened");
        opening.Release();
        await removing;
        Assert.Equal(TransferError.TicketCanceled, (await Assert.ThrowsAsync<TransferException>(() => open)).Error);
        Assert.All(_fixture.Factory.Opened, backend => Assert.True(backend.IsDisposed));
    }

    [Fact(Timeout = 30_000)]
    public async Task A_ticket_replaced_between_authorization_and_opening_is_removed_with_its_successor()
    {
        Ticket authorized = _fixture.Store.Authorize(TicketFixture.Id, TicketAccess.Read);
        _fixture.Store.Add(TicketFixture.Spec);
        await _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);
        await using var connection = new ImageLeases();

        TransferException e = await Assert.ThrowsAsync<TransferException>(
            () => connection.OpenAsync(authorized, default).AsTask());

        Assert.Equal(TransferError.TicketCanceled, e.Error);
        Assert.Empty(_fixture.Factory.Opened);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_client_that_leaves_waits_no_longer_for_an_opening_that_hangs_and_the_image_is_not_left_open()
    {
        Held opening = _fixture.Factory.Opening = new Held();
        using var client = new CancellationTokenSource();
        await using var connection = new ImageLeases();
        Task<ImageHandle> open = connection.OpenAsync(_ticket, client.Token).AsTask();
        await opening.Arrived;

        await client.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => open);
        Assert.Equal(0, connection.Count);
        opening.Release();
        await Eventually.HoldsAsync(() => !_ticket.IsActive, "the opening has ended");
        Assert.True(Assert.Single(_fixture.Factory.Opened).IsDisposed);
    }

    // Issue 15, B13: 30,000 of them held 54 MiB.
    [Fact(Timeout = 30_000)]
    public async Task A_removed_ticket_is_not_held_by_the_connections_that_used_it()
    {
        await using var connection = new ImageLeases();
        await connection.OpenAsync(_ticket, default);
        Ticket forwarded = _fixture.Store.Add(TicketFixture.Spec with { Id = new TicketId("forwarded") });
        connection.Hold(forwarded);
        Assert.Equal(2, connection.Count);

        await _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);
        await _fixture.Store.RemoveAsync(forwarded.Spec.Id, TimeSpan.Zero);

        Assert.Equal(0, connection.Count);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_connection_that_meets_a_replaced_ticket_lets_the_old_image_go()
    {
        await using var connection = new ImageLeases();
        await connection.OpenAsync(_ticket, default);
        Ticket replacement = _fixture.Store.Add(TicketFixture.Spec);

        await connection.OpenAsync(replacement, default);

        await Eventually.HoldsAsync(() => !_ticket.IsActive, "the old image is closed");
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
