using ImageIO.Core.Backends;
using ImageIO.Web.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace ImageIO.Tests.Support;

/// <summary>The daemon's threads for storage, for tests of Core without a daemon.</summary>
internal static class TestThreads
{
    public static IStorageThreads Shared { get; } = new StorageThreads(NullLogger<StorageThreads>.Instance);

    // Behind what it is made of.
    public static StorageQueue Queue { get; } = new(Shared);

    /// <summary>Whether the caller runs on a thread for storage, of any daemon.</summary>
    public static bool IsOne => Thread.CurrentThread.Name == "storage";

    /// <summary>New shared state for the handles on one image.</summary>
    public static SharedImage NewImage() => new(Queue);
}
