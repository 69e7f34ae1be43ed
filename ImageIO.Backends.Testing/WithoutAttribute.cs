namespace ImageIO.Backends.Testing;

/// <summary>
/// Says of a class of contract tests that no image of its kind ever has some parts: their tests are absent, not
/// skipped.
/// </summary>
/// <param name="parts">What no image has.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class WithoutAttribute(ContractParts parts) : Attribute
{
    /// <summary>What no image has.</summary>
    public ContractParts Parts { get; } = parts;

    /// <summary>All that a class and its base classes leave out.</summary>
    internal static ContractParts Of(Type type) => type
        .GetCustomAttributes(typeof(WithoutAttribute), inherit: true)
        .Cast<WithoutAttribute>()
        .Aggregate(ContractParts.None, (all, attribute) => all | attribute.Parts);
}
