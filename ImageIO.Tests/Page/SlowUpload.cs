using ImageIO.Tests.Support;

namespace ImageIO.Tests.Page;

/// <summary>An upload over a slow network that has reached some percent, and crawls from then on.</summary>
internal sealed class SlowUpload : IAsyncDisposable
{
    private readonly PageFixture _fixture;

    private SlowUpload(PageFixture fixture, TestImage image, TcpRelay relay, PageVisit visit)
    {
        _fixture = fixture;
        Image = image;
        Relay = relay;
        Visit = visit;
    }

    /// <summary>The disk.</summary>
    public TestImage Image { get; }

    /// <summary>The network between browser and daemon.</summary>
    public TcpRelay Relay { get; }

    /// <summary>The tab.</summary>
    public PageVisit Visit { get; }

    /// <summary>Starts the upload of a file to an empty disk of its size.</summary>
    public static async Task<SlowUpload> StartAsync(PageFixture fixture, string source, int percent)
    {
        TestImage image = await fixture.AddEmptyImageAsync(new FileInfo(source).Length);
        var relay = new TcpRelay(fixture.Port) { BytesPerSecond = 10 << 20 };
        PageVisit? visit = null;
        try
        {
            visit = await fixture.VisitAsync(image.Id, relay.Port);
            await visit.UploadAsync(source);
            await visit.ReachPercentAsync(percent, relay);
            return new SlowUpload(fixture, image, relay, visit);
        }
        catch
        {
            if (visit is not null)
            {
                await visit.DisposeAsync();
            }

            await relay.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends the slowness.</summary>
    public void SpeedUp() => Relay.BytesPerSecond = long.MaxValue;

    /// <summary>Waits until the daemon runs no request for the disk.</summary>
    public Task BecomesIdleAsync() => Eventually.HoldsAsync(
        async () => !(await _fixture.Daemon.GetTicketAsync(Image.Id))["active"]!.GetValue<bool>(), "nothing runs");

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        try
        {
            await Visit.DisposeAsync();
        }
        finally
        {
            await Relay.DisposeAsync();
        }
    }
}
