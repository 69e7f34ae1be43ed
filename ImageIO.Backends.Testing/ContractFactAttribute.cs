using Xunit;
using Xunit.Sdk;

namespace ImageIO.Backends.Testing;

/// <summary>A test that is absent for images without the parts of the contract that it needs.</summary>
[XunitTestCaseDiscoverer("ImageIO.Backends.Testing.ContractFactDiscoverer", "ImageIO.Backends.Testing")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContractFactAttribute : SkippableFactAttribute
{
    /// <summary>The parts that it needs.</summary>
    public ContractParts Needs { get; set; }
}
