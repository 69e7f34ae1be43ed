using ImageIO.Tests.Daemon;
using ImageIO.Tests.Proxy;
using Xunit.Abstractions;

[assembly: TestCollectionOrderer("ImageIO.Tests.Support.LongestFirst", "ImageIO.Tests")]

namespace ImageIO.Tests.Support;

/// <summary>Starts the longest classes first, so that no core waits at the end for the last test of one of them.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    // What took ten seconds and more when others used the machine too; the longest first.
    private static readonly string[] Longest =
    [
        Of<ExampleBackendTests>(), Of<Daemon.CommandLineTests>(), Of<ForwardingTests>(), Of<MemoryTests>(), Of<ManyExtentsTests>(),
        Of<DaemonTroubleTests>(), Of<ChecksumTests>(), Of<StorageTransferTests>(), Of<SystemdTests>(), Of<PrivilegesTests>(),
        Of<BrowserTests>(),
    ];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(collection => Place(collection.DisplayName)).ToArray();

    // How the framework calls the collection that a class is without an attribute.
    private static string Of<T>() => $"Test collection for {typeof(T).FullName}";

    private static int Place(string collection) => Array.IndexOf(Longest, collection) is >= 0 and int place ? place : Longest.Length;
}
