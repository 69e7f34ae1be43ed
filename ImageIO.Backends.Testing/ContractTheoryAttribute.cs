using Xunit;
using Xunit.Sdk;

namespace ImageIO.Backends.Testing;

/// <summary>A theory that is absent for images without the parts of the contract that it needs.</summary>
[XunitTestCaseDiscoverer("ImageIO.Backends.Testing.ContractTheoryDiscoverer", "ImageIO.Backends.Testing")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContractTheoryAttribute : SkippableTheoryAttribute
{
    /// <summary>The parts that it needs.</summary>
    public ContractParts Needs { get; set; }
}
