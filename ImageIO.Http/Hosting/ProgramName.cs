using System.Reflection;

namespace ImageIO.Http.Hosting;

/// <summary>What the running program is called.</summary>
public static class ProgramName
{
    /// <summary>The service that systemd runs it as: <c>ovirt-imageio</c> or <c>ovirt-imageio-proxy</c>.</summary>
    public static string Unit { get; } = Assembly.GetEntryAssembly()?.GetName().Name ?? "ovirt-imageio";
}
