using ImageIO.Http.Listeners.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace ImageIO.Http.Forwarding;

/// <summary>Adds the forwarder to a host.</summary>
public static class ForwardingServices
{
    /// <summary>Adds it, with the pool of connections to daemons.</summary>
    /// <param name="services">The host's; a <see cref="TimeProvider"/> must be among them.</param>
    /// <param name="settings">How daemons are reached.</param>
    public static IServiceCollection AddForwarding(this IServiceCollection services, UpstreamSettings settings) => services
        .AddSingleton(settings)
        .AddSingleton(provider => new UpstreamPool(
            settings, provider.GetRequiredService<Lazy<EventLoops>>(), provider.GetRequiredService<TimeProvider>()))
        .AddHostedService(provider => provider.GetRequiredService<UpstreamPool>())
        .AddSingleton<Forwarder>();
}
