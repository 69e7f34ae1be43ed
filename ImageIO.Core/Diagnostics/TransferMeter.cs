using System.Diagnostics.Metrics;

namespace ImageIO.Core.Diagnostics;

/// <summary>Metrics of operations and storage calls. Names and units follow OpenTelemetry's conventions.</summary>
/// <remarks>An instrument without a listener computes nothing.</remarks>
public sealed class TransferMeter
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "ImageIO";

    private readonly Counter<long> _bytes;
    private readonly Counter<long> _operations;
    private readonly UpDownCounter<long> _running;
    private readonly Histogram<double> _storage;

    /// <summary>Creates the instruments.</summary>
    public TransferMeter(IMeterFactory meters)
    {
        ArgumentNullException.ThrowIfNull(meters);
        Meter meter = meters.Create(Name);
        _bytes = meter.CreateCounter<long>(
            "imageio.io", "By", "Bytes that operations moved, by operation and backend.");
        _operations = meter.CreateCounter<long>(
            "imageio.operations", "{operation}", "Operations that ended, by operation, backend and outcome.");
        _running = meter.CreateUpDownCounter<long>(
            "imageio.operations.running", "{operation}", "Operations that run now, by operation and backend.");
        _storage = meter.CreateHistogram(
            "imageio.storage.duration",
            "s",
            "Duration of single calls to the storage, by call and backend.",
            advice: new InstrumentAdvice<double>
            {
                // From a cached read to an array in its 30 s SCSI timeout.
                HistogramBucketBoundaries = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
            });
    }

    /// <summary>Counts the start of an operation.</summary>
    /// <param name="operation">read, write, zero, flush, extents or checksum.</param>
    /// <param name="backend">Name of the backend.</param>
    public void OperationStarts(string operation, string backend) =>
        _running.Add(1, new("operation", operation), new("backend", backend));

    /// <summary>Counts the end of an operation.</summary>
    /// <param name="operation">As at its start.</param>
    /// <param name="backend">As at its start.</param>
    /// <param name="bytes">Bytes moved.</param>
    /// <param name="succeeded">Whether it succeeded.</param>
    public void OperationEnds(string operation, string backend, long bytes, bool succeeded)
    {
        _running.Add(-1, new("operation", operation), new("backend", backend));
        _bytes.Add(bytes, new("operation", operation), new("backend", backend));
        _operations.Add(
            1, new("operation", operation), new("backend", backend), new("outcome", succeeded ? "success" : "failure"));
    }

    /// <summary>Whether anyone listens to the durations of storage calls.</summary>
    internal bool WantsStorageDuration => _storage.Enabled;

    /// <summary>Records the duration of a storage call.</summary>
    internal void StorageCallEnded(string call, string backend, TimeSpan duration) =>
        _storage.Record(duration.TotalSeconds, new("call", call), new("backend", backend));
}
