using Xunit.Abstractions;
using Xunit.Sdk;

namespace ImageIO.Backends.Testing;

/// <summary>Finds the theories marked with <see cref="ContractTheoryAttribute"/>; called by xunit.</summary>
/// <param name="messages">Receives problems.</param>
public sealed class ContractTheoryDiscoverer(IMessageSink messages) : IXunitTestCaseDiscoverer
{
    private readonly SkippableTheoryDiscoverer _all = new(messages);

    /// <inheritdoc />
    public IEnumerable<IXunitTestCase> Discover(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute) =>
        ContractFactDiscoverer.IsAbsent(testMethod, theoryAttribute)
            ? []
            : _all.Discover(discoveryOptions, testMethod, theoryAttribute);
}
