using System.Reflection;

namespace ImageIO.Http.Hosting;

/// <summary>The name of the running program.</summary>
public static class ProgramName
{
    /// <summary>Its systemd service: <c>ovirt-imageio</c> or <c>ovirt-imageio-proxy</c>.</summary>
    public static string Unit { get; } = Assembly.GetEntryAssembly()?.GetName().Name ?? "ovirt-imageio";
}
