using ImageIO.Core.Backends;
using ImageIO.Web.Hosting;

namespace ImageIO.Tests.Support;

/// <summary>The daemon's threads for storage, for tests of Core without a daemon.</summary>
internal static class TestThreads
{
    public static IStorageThreads Shared { get; } = new StorageThreads();

    /// <summary>Whether the caller runs on a thread for storage, of any daemon.</summary>
    public static bool IsOne => Thread.CurrentThread.Name == "storage";
}
