using ImageIO.Tests.Daemon;
using ImageIO.Tests.Page;
using ImageIO.Tests.Proxy;
using Xunit.Abstractions;

[assembly: TestCollectionOrderer("ImageIO.Tests.Support.LongestFirst", "ImageIO.Tests")]

namespace ImageIO.Tests.Support;

/// <summary>
/// Starts the longest classes first, so that no core waits at the end for the last test of one of them.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    // Took ten seconds or more when others used the machine too, longest first. The page's tests take a third of the
    // whole time one after another; they ran alone for minutes when they began last.
    private static readonly string[] Longest =
    [
        PageFixture.Collection,
        RunningDaemon.Collection, Of<DaemonTroubleTests>(), Of<TlsTests>(), Of<ForwardingTests>(),
        Of<Daemon.CommandLineTests>(), Of<ExampleBackendTests>(), Of<OtherClientsTests>(), Of<RootStartTests>(),
        Of<ScarceResourcesTests>(), Of<StallTests>(), Of<ManyExtentsTests>(), Of<MemoryTests>(), Of<CapacityTests>(),
        Of<StorageTransferTests>(), Of<ChecksumTests>(), Of<SystemdTests>(), Of<PrivilegesTests>(), Of<BrowserTests>(),
    ];

    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(collection => Place(collection.DisplayName)).ToArray();

    // How the framework calls the collection that a class is without an attribute.
    private static string Of<T>() => $"Test collection for {typeof(T).FullName}";

    private static int Place(string collection) =>
        Array.IndexOf(Longest, collection) is >= 0 and int place ? place : Longest.Length;
}
