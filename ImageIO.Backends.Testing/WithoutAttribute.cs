namespace ImageIO.Backends.Testing;

/// <summary>
/// Declares that no image of a class of contract tests has some parts, so their tests are absent instead of skipped.
/// </summary>
/// <param name="parts">The missing parts.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class WithoutAttribute(ContractParts parts) : Attribute
{
    /// <summary>The missing parts.</summary>
    public ContractParts Parts { get; } = parts;

    /// <summary>The missing parts of a class and its base classes.</summary>
    internal static ContractParts Of(Type type) => type
        .GetCustomAttributes(typeof(WithoutAttribute), inherit: true)
        .Cast<WithoutAttribute>()
        .Aggregate(ContractParts.None, (all, attribute) => all | attribute.Parts);
}
