using System.Reflection;

namespace ImageIO.Http.Messages;

/// <summary>The product's version, for <c>--version</c> and <c>/info/</c>.</summary>
public static class ProductVersion
{
    /// <summary>Like <c>1.2.3</c>.</summary>
    public static string Text { get; } =
        typeof(ProductVersion).Assembly
            .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
}
