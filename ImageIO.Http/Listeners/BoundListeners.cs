namespace ImageIO.Http.Listeners;

/// <summary>
/// All listeners of a host, with their addresses taken. Disposing it gives back what the server has not taken over, so
/// that a start which fails leaves no socket behind.
/// </summary>
public sealed class BoundListeners : IDisposable
{
    private BoundListeners(IReadOnlyList<ServiceListener> all) => All = all;

    /// <summary>The listeners.</summary>
    public IReadOnlyList<ServiceListener> All { get; }

    /// <summary>Where they listen, in one line; for logs.</summary>
    public string Urls => string.Join(", ", All.Select(listener => listener.Url));

    /// <summary>The TCP port of a service.</summary>
    internal int PortOf(string service) => new Uri(All.First(listener => listener.Service == service).Url).Port;

    /// <summary>Takes the addresses of all listeners, in their order, and listens.</summary>
    /// <exception cref="ConfigurationException">One cannot be had; none is held then.</exception>
    public static BoundListeners Bind(IReadOnlyList<ServiceListener> listeners)
    {
        var bound = new BoundListeners(listeners);
        try
        {
            foreach (ServiceListener listener in listeners)
            {
                listener.Bind();
            }

            return bound;
        }
        catch
        {
            bound.Dispose();
            throw;
        }
    }

    /// <summary>Looks at the TLS files of all listeners now.</summary>
    public void RefreshCertificates()
    {
        foreach (ServiceListener listener in All)
        {
            listener.Tls?.Refresh();
        }
    }

    /// <summary>
    /// Closes the sockets of some services, whose connections live on; the server sees the end of their listeners.
    /// </summary>
    internal void StopAccepting(IReadOnlyCollection<string> services)
    {
        foreach (ServiceListener listener in All.Where(listener => services.Contains(listener.Service)))
        {
            listener.Release();
        }
    }

    /// <summary>Closes the sockets; closing one twice does nothing.</summary>
    public void Dispose()
    {
        foreach (ServiceListener listener in All)
        {
            listener.Release();
        }
    }
}
