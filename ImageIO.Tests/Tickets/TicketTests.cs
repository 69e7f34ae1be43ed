using ImageIO.Core.Errors;
using ImageIO.Core.Tickets;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Tickets;

public sealed class TicketTests : IDisposable
{
    private readonly TicketFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void It_expires_in_the_very_second_that_it_names()
    {
        Ticket ticket = Install();
        long installed = Now;
        Assert.Equal(installed + 300, ticket.ExpiresSeconds);

        Advance(299);
        Assert.False(ticket.IsExpired);
        ticket.Authorize(TicketAccess.Write);

        Advance(1);
        Assert.True(ticket.IsExpired);
        AssertRefused(ticket, TicketAccess.Read, TransferError.TicketExpired);
    }

    [Fact]
    public void Each_use_starts_its_time_anew()
    {
        Ticket ticket = Install();
        Advance(200);
        Assert.Equal(200, ticket.IdleSeconds);

        ticket.Extend();

        Assert.Equal(Now + 300, ticket.ExpiresSeconds);
        Assert.Equal(0, ticket.IdleSeconds);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void The_manager_sets_its_end_also_when_it_has_expired(long seconds)
    {
        Ticket ticket = Install();
        Advance(1000);
        Assert.True(ticket.IsExpired);

        ticket.ExpireAfter(seconds);

        Assert.Equal(Now + seconds, ticket.ExpiresSeconds);
        Assert.Equal(seconds == 0, ticket.IsExpired);
        Assert.Equal(300, ticket.Spec.TimeoutSeconds);
        Assert.Equal(1000, ticket.IdleSeconds);
    }

    [Fact]
    public void A_timeout_beyond_the_clock_never_expires()
    {
        Ticket ticket = Install();
        Advance(1);

        ticket.ExpireAfter(long.MaxValue);

        Assert.Equal(long.MaxValue, ticket.ExpiresSeconds);
        Assert.False(ticket.IsExpired);
        Assert.Throws<ArgumentOutOfRangeException>(() => ticket.ExpireAfter(-1));
    }

    [Fact]
    public void What_it_does_not_permit_is_refused_by_name()
    {
        Ticket ticket = Install(TicketFixture.Spec with { Ops = ["read"] });

        ticket.Authorize(TicketAccess.Read);

        AssertRefused(ticket, TicketAccess.Write, TransferError.OperationNotPermitted);
    }

    [Fact(Timeout = 30_000)]
    public async Task Transferred_counts_distinct_bytes_with_the_progress_of_what_runs()
    {
        Ticket ticket = Install();
        var first = new ScriptedOperation(0);
        var overlapping = new ScriptedOperation(50);
        Task running = Task.WhenAll(ticket.RunAsync(first, default), ticket.RunAsync(overlapping, default));
        Assert.Equal(0, ticket.Transferred);

        first.Done = 40;
        Assert.Equal(40, ticket.Transferred);
        overlapping.Done = 100;
        Assert.Equal(140, ticket.Transferred);
        first.Done = 100;
        Assert.Equal(150, ticket.Transferred);

        first.End();
        overlapping.End();
        await running;
        Assert.Equal(150, ticket.Transferred);

        var again = new ScriptedOperation(0) { Done = 150 };
        again.End();
        await ticket.RunAsync(again, default);
        Assert.Equal(150, ticket.Transferred);
    }

    [Fact(Timeout = 30_000)]
    public async Task It_is_active_and_not_idle_while_something_runs()
    {
        Ticket ticket = Install();
        var operation = new ScriptedOperation();
        Task running = ticket.RunAsync(operation, default);
        Advance(100);
        Assert.True(ticket.IsActive);
        Assert.Equal(0, ticket.IdleSeconds);

        operation.End();
        await running;

        Assert.False(ticket.IsActive);
        Assert.Equal(0, ticket.IdleSeconds);
        Advance(5);
        Assert.Equal(5, ticket.IdleSeconds);
    }

    [Fact(Timeout = 30_000)]
    public async Task What_was_running_when_it_expired_may_finish()
    {
        Ticket ticket = Install();
        var operation = new ScriptedOperation();
        Task running = ticket.RunAsync(operation, default);
        Advance(1000);

        operation.End();
        await running;

        Assert.False(operation.IsCanceled);
        AssertRefused(ticket, TicketAccess.Read, TransferError.TicketExpired);
    }

    [Fact(Timeout = 30_000)]
    public async Task An_operation_that_fails_is_no_longer_active_but_its_bytes_count()
    {
        Ticket ticket = Install();
        var operation = new ScriptedOperation { Done = 10 };
        Task running = ticket.RunAsync(operation, default);
        operation.EndCanceled();

        await Assert.ThrowsAsync<OperationCanceledException>(() => running);

        Assert.False(ticket.IsActive);
        Assert.Equal(10, ticket.Transferred);
    }

    private long Now => _fixture.Clock.GetTimestamp() / _fixture.Clock.TimestampFrequency;

    private Ticket Install(TicketSpec? spec = null) => _fixture.Store.Add(spec ?? TicketFixture.Spec);

    private void Advance(int seconds) => _fixture.Clock.Advance(TimeSpan.FromSeconds(seconds));

    private static void AssertRefused(Ticket ticket, TicketAccess access, TransferError error)
    {
        TransferException e = Assert.Throws<TransferException>(() => ticket.Authorize(access));
        Assert.Equal(error, e.Error);
        Assert.DoesNotContain(ticket.Spec.Id.Reveal(), e.Message, StringComparison.Ordinal);
    }
}
