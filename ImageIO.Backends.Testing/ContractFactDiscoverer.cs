using Xunit.Abstractions;
using Xunit.Sdk;

namespace ImageIO.Backends.Testing;

/// <summary>Finds the tests marked with <see cref="ContractFactAttribute"/>; called by xunit.</summary>
/// <param name="messages">Receives problems.</param>
public sealed class ContractFactDiscoverer(IMessageSink messages) : IXunitTestCaseDiscoverer
{
    private readonly SkippableFactDiscoverer _all = new(messages);

    /// <inheritdoc />
    public IEnumerable<IXunitTestCase> Discover(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        IsAbsent(testMethod, factAttribute) ? [] : _all.Discover(discoveryOptions, testMethod, factAttribute);

    internal static bool IsAbsent(ITestMethod method, IAttributeInfo attribute)
    {
        var needed = attribute.GetNamedArgument<ContractParts>(nameof(ContractFactAttribute.Needs));
        return method.TestClass.Class
            .GetCustomAttributes(typeof(WithoutAttribute))
            .Any(without => (without.GetNamedArgument<ContractParts>(nameof(WithoutAttribute.Parts)) & needed) != 0);
    }
}
