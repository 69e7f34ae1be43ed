using ImageIO.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace ImageIO.Http.Forwarding;

/// <summary>Adds the forwarder to a host.</summary>
public static class ForwardingServices
{
    /// <summary>Adds the forwarder, with its pool of connections.</summary>
    /// <param name="services">The host's services, with a <see cref="TimeProvider"/> among them.</param>
    /// <param name="settings">How to reach daemons.</param>
    public static IServiceCollection AddForwarding(this IServiceCollection services, UpstreamSettings settings) =>
        services
        .AddSingleton(settings)
        .AddSingleton(provider => new UpstreamPool(
            settings, provider.GetRequiredService<Lazy<EventLoops>>(), provider.GetRequiredService<TimeProvider>()))
        .AddHostedService(provider => provider.GetRequiredService<UpstreamPool>())
        .AddSingleton<Forwarder>();
}
