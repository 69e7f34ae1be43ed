using Xunit;
using Xunit.Sdk;

namespace ImageIO.Backends.Testing;

/// <summary>A test that is absent for images without the parts of the contract that it needs.</summary>
[XunitTestCaseDiscoverer("ImageIO.Backends.Testing.ContractFactDiscoverer", "ImageIO.Backends.Testing")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContractFactAttribute : SkippableFactAttribute
{
    /// <summary>What the image must have.</summary>
    public ContractParts Needs { get; set; }
}
