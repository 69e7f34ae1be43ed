using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Tickets;

public sealed class TicketCancelTests : IDisposable
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(60);
    private readonly TicketFixture _fixture = new();
    private readonly Ticket _ticket;

    public TicketCancelTests() => _ticket = _fixture.Store.Add(TicketFixture.Spec);

    public void Dispose() => _fixture.Dispose();

    [Fact(Timeout = 30_000)]
    public async Task Removing_stops_what_runs_waits_for_it_and_closes_the_image()
    {
        await using var connection = new ImageLeases();
        await connection.OpenAsync(_ticket, default);
        var operation = new ScriptedOperation();
        Task running = _ticket.RunAsync(operation, default);

        Task removing = _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);

        Assert.True(operation.IsCanceled);
        Assert.True(_ticket.IsCanceled);
        Assert.False(removing.IsCompleted);
        operation.EndCanceled();
        Assert.Equal(TransferError.TicketCanceled, (await Assert.ThrowsAsync<TransferException>(() => running)).Error);
        await removing;
        Assert.True(Assert.Single(_fixture.Factory.Opened).IsDisposed);
        Assert.Equal(0, _ticket.Connections);
        Assert.Throws<TransferException>(() => _fixture.Store.Find(TicketFixture.Id));
    }

    [Fact(Timeout = 30_000)]
    public async Task When_the_wait_is_over_it_stays_cancelled_and_can_be_removed_again()
    {
        var operation = new ScriptedOperation();
        Task running = _ticket.RunAsync(operation, default);
        Task removing = _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);

        _fixture.Clock.Advance(Wait);

        TransferException e = await Assert.ThrowsAsync<TransferException>(() => removing);
        Assert.Equal(TransferError.CancelTimedOut, e.Error);
        Assert.StartsWith("Timeout cancelling transfer ", e.Message, StringComparison.Ordinal);
        Ticket found = _fixture.Store.Find(TicketFixture.Id);
        Assert.True(found.IsCanceled);
        Assert.True(found.IsActive);

        operation.EndCanceled();
        await Assert.ThrowsAsync<TransferException>(() => running);
        Assert.False(found.IsActive);
        await _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);
        Assert.Empty(_fixture.Store.All);
    }

    [Fact(Timeout = 30_000)]
    public async Task Without_waiting_it_goes_by_itself_when_nothing_runs_any_more()
    {
        var operation = new ScriptedOperation();
        Task running = _ticket.RunAsync(operation, default);

        await _fixture.Store.RemoveAsync(TicketFixture.Id, TimeSpan.Zero);

        Assert.True(_fixture.Store.Find(TicketFixture.Id).IsCanceled);
        operation.EndCanceled();
        await Assert.ThrowsAsync<TransferException>(() => running);
        await Eventually.HoldsAsync(() => !_fixture.Store.All.Any(), "the ticket has gone");
    }

    [Fact(Timeout = 30_000)]
    public async Task An_idle_connection_does_not_keep_it()
    {
        await using var connection = new ImageLeases();
        await connection.OpenAsync(_ticket, default);

        await _fixture.Store.RemoveAsync(TicketFixture.Id, TimeSpan.Zero);

        await Eventually.HoldsAsync(() => !_fixture.Store.All.Any(), "the ticket has gone");
        Assert.True(Assert.Single(_fixture.Factory.Opened).IsDisposed);
    }

    [Fact(Timeout = 30_000)]
    public async Task Nothing_new_starts_on_a_cancelled_ticket()
    {
        await _ticket.CancelAsync(Wait);

        TransferException authorize = Assert.Throws<TransferException>(() => _ticket.Authorize(TicketAccess.Read));
        TransferException run = await Assert.ThrowsAsync<TransferException>(
            () => _ticket.RunAsync(new ScriptedOperation(), default));
        await using var connection = new ImageLeases();
        TransferException open = await Assert.ThrowsAsync<TransferException>(
            () => connection.OpenAsync(_ticket, default).AsTask());

        Assert.All([authorize, run, open], e => Assert.Equal(TransferError.TicketCanceled, e.Error));
        Assert.Empty(_fixture.Factory.Opened);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_client_that_left_is_not_told_that_the_ticket_was_cancelled()
    {
        using var client = new CancellationTokenSource();
        var operation = new ScriptedOperation();
        Task running = _ticket.RunAsync(operation, client.Token);
        await client.CancelAsync();
        Task<bool> canceling = _ticket.CancelAsync(Wait);

        operation.EndCanceled();

        await Assert.ThrowsAsync<OperationCanceledException>(() => running);
        Assert.True(await canceling);
    }

    [Fact(Timeout = 30_000)]
    public async Task Two_removals_at_once_both_learn_the_end()
    {
        var operation = new ScriptedOperation();
        Task running = _ticket.RunAsync(operation, default);
        Task first = _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);
        Task second = _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);
        Task third = _fixture.Store.RemoveAsync(TicketFixture.Id, TimeSpan.Zero);

        operation.EndCanceled();

        await Assert.ThrowsAsync<TransferException>(() => running);
        await Task.WhenAll(first, second, third);
        Assert.Empty(_fixture.Store.All);
    }

    [Fact(Timeout = 30_000)]
    public async Task A_real_upload_stops_after_its_buffer_and_the_image_is_closed_when_it_was_removed()
    {
        await using var connection = new ImageLeases();
        Core.Backends.ImageHandle image = await connection.OpenAsync(_ticket, default);
        var client = new Held();
        var source = new ScriptedSource(Bytes.Random(9000), 1000)
        {
            BeforeRead = given => given == 3000 ? client.StandAsync() : Task.CompletedTask,
        };
        Task running = _ticket.RunAsync(
            new Core.Operations.WriteOperation(image, 0, 9000, 10_000, source, flush: true), default);
        await client.Arrived;
        Task removing = _fixture.Store.RemoveAsync(TicketFixture.Id, Wait);
        Assert.False(removing.IsCompleted);

        client.Release();

        await removing;
        await Assert.ThrowsAsync<TransferException>(() => running);
        MemoryBackend stored = Assert.Single(_fixture.Factory.Opened);
        Assert.True(stored.IsDisposed);
        Bytes.AssertEqual(Bytes.Random(9000).AsSpan(0, 8192), stored.Content().AsSpan(0, 8192), "the buffer at hand");
    }
}
