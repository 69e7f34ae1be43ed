using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Tickets;

public sealed class TicketStoreTests : IDisposable
{
    private readonly TicketFixture _fixture = new();

    private TicketStore Store => _fixture.Store;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void A_ticket_of_the_same_id_replaces_the_old_one_with_fresh_counters()
    {
        Ticket old = Store.Add(TicketFixture.Spec);
        _fixture.Clock.Advance(TimeSpan.FromSeconds(100));

        Ticket fresh = Store.Add(TicketFixture.Spec);

        Assert.NotSame(old, fresh);
        Assert.Same(fresh, Store.Find(TicketFixture.Id));
        Assert.Equal(0, fresh.IdleSeconds);
        Assert.Equal(0, fresh.Transferred);
        Assert.Single(Store.All);
    }

    [Fact]
    public void A_scheme_that_nobody_serves_is_refused_and_adds_nothing()
    {
        TransferException e = Assert.Throws<TransferException>(
            () => Store.Add(TicketFixture.Spec with { Url = ImageUrl.Parse("tape:1") }));

        Assert.Equal(TransferError.InvalidRequest, e.Error);
        Assert.Empty(Store.All);
    }

    [Fact]
    public void An_unknown_id_has_one_name_for_the_manager_and_another_for_a_client()
    {
        Assert.Equal(TransferError.TicketNotFound, Assert.Throws<TransferException>(() => Store.Find(new("x"))).Error);
        Assert.Equal(
            TransferError.TicketUnknown,
            Assert.Throws<TransferException>(() => Store.Authorize(new("x"), TicketAccess.Read)).Error);
    }

    [Fact(Timeout = 30_000)]
    public async Task Removing_an_unknown_ticket_is_fine() =>
        await Store.RemoveAsync(new("unknown"), TimeSpan.FromSeconds(1));

    [Fact(Timeout = 30_000)]
    public async Task A_ticket_installed_while_the_old_one_is_being_removed_stays()
    {
        Ticket old = Store.Add(TicketFixture.Spec);
        var operation = new ScriptedOperation();
        Task running = old.RunAsync(operation, default);
        Task removing = Store.RemoveAsync(TicketFixture.Id, TimeSpan.FromSeconds(60));
        Ticket fresh = Store.Add(TicketFixture.Spec);

        operation.EndCanceled();

        await Assert.ThrowsAsync<TransferException>(() => running);
        await removing;
        Assert.Same(fresh, Store.Authorize(TicketFixture.Id, TicketAccess.Write));
    }

    [Fact(Timeout = 30_000)]
    public async Task Removing_all_cancels_all_at_once()
    {
        ScriptedOperation[] operations = [new(), new(), new()];
        Task[] running =
        [
            .. operations.Select((operation, i) =>
                Store.Add(TicketFixture.Spec with { Id = new($"ticket {i}") }).RunAsync(operation, default)),
        ];

        Task removing = Store.RemoveAllAsync(TimeSpan.FromSeconds(60));

        Assert.All(operations, operation => Assert.True(operation.IsCanceled));
        Array.ForEach(operations, operation => operation.EndCanceled());
        await removing;
        await Assert.ThrowsAsync<TransferException>(() => Task.WhenAll(running));
        Assert.Empty(Store.All);
    }

    // Work is counted in allocated bytes, because a search through all tickets allocates a list, or an entry for each.
    [Fact(Timeout = 60_000)]
    public async Task A_request_costs_no_more_beside_a_hundred_thousand_tickets_than_beside_ten()
    {
        AddMany(0, 10);
        long besideTen = await CostOfOneTicketAsync();

        AddMany(10, 100_000);
        long besideMany = await CostOfOneTicketAsync();

        Assert.Equal(100_000, Store.All.Count());
        Assert.InRange(besideMany, 1, besideTen + 1024);
    }

    // Every tenth was replaced while an operation ran: then the old one is known beside the new one.
    private void AddMany(int from, int to)
    {
        for (int i = from; i < to; i++)
        {
            TicketSpec spec = TicketFixture.Spec with { Id = new($"ticket {i}") };
            Ticket ticket = Store.Add(spec);
            if (i % 10 == 0)
            {
                _ = ticket.RunAsync(new ScriptedOperation(), default);
                Store.Add(spec);
            }
        }
    }

    // The cheapest of some: the table of tickets may grow during one of them.
    private async Task<long> CostOfOneTicketAsync()
    {
        long least = long.MaxValue;
        for (int i = 0; i < 5; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Store.Add(TicketFixture.Spec);
            Store.Authorize(TicketFixture.Id, TicketAccess.Read).Extend();
            Store.Find(TicketFixture.Id).ExpireAfter(10);
            Store.Add(TicketFixture.Spec);
            Task removing = Store.RemoveAsync(TicketFixture.Id, TimeSpan.FromSeconds(60));
            Assert.True(removing.IsCompleted, "Nothing was to be waited for");
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            await removing;
        }

        return least;
    }
}
