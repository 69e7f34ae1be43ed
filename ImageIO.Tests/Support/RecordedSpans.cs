using System.Collections.Concurrent;
using System.Diagnostics;
using ImageIO.Core.Diagnostics;

namespace ImageIO.Tests.Support;

/// <summary>Listens to our spans, of one trace: other tests run beside this one in the same process.</summary>
internal sealed class RecordedSpans : IDisposable
{
    private readonly ConcurrentQueue<Activity> _ended = [];
    private readonly ActivityListener _listener;

    public RecordedSpans()
    {
        Trace = ActivityTraceId.CreateRandom();
        Client = ActivitySpanId.CreateRandom();
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TransferTrace.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) => options.TraceId == Trace
                ? ActivitySamplingResult.AllDataAndRecorded
                : ActivitySamplingResult.None,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public ActivityTraceId Trace { get; }

    /// <summary>The client's own span.</summary>
    public ActivitySpanId Client { get; }

    /// <summary>Value of the header <c>traceparent</c>.</summary>
    public string TraceParent => $"00-{Trace.ToHexString()}-{Client.ToHexString()}-01";

    public IReadOnlyList<Activity> Ended => [.. _ended.Where(span => span.TraceId == Trace)];

    /// <summary>Begins a span around what the test does next; it is none of <see cref="Ended"/>.</summary>
    public Activity StartRequest()
    {
        Activity request = new Activity("test").SetParentId(TraceParent).Start();
        request.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        return request;
    }

    /// <summary>Waits for a span of that name.</summary>
    public async Task<Activity> EndedAsync(string name)
    {
        await Eventually.HoldsAsync(() => Ended.Any(span => span.DisplayName == name), $"the span {name} has ended");
        return Ended.First(span => span.DisplayName == name);
    }

    public void Dispose() => _listener.Dispose();
}
