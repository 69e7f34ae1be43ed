namespace ImageIO.Http.Listeners;

/// <summary>
/// All listeners of a host, with their addresses taken. Disposal closes those that the server has not taken over, so a
/// failed start leaves no socket behind.
/// </summary>
public sealed class BoundListeners : IDisposable
{
    private BoundListeners(IReadOnlyList<ServiceListener> all) => All = all;

    /// <summary>The listeners.</summary>
    public IReadOnlyList<ServiceListener> All { get; }

    /// <summary>Their addresses in one line, for logs.</summary>
    public string Urls => string.Join(", ", All.Select(listener => listener.Url));

    internal int PortOf(string service) => new Uri(All.First(listener => listener.Service == service).Url).Port;

    /// <summary>Takes the addresses of all listeners, in their order, and listens.</summary>
    /// <exception cref="ConfigurationException">An address cannot be taken; none is held then.</exception>
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

    /// <summary>Checks the TLS files of all listeners now.</summary>
    public void RefreshCertificates()
    {
        foreach (ServiceListener listener in All)
        {
            listener.Tls?.Refresh();
        }
    }

    /// <summary>Closes the sockets of some services. Their connections live on.</summary>
    internal void StopAccepting(IReadOnlyCollection<string> services)
    {
        foreach (ServiceListener listener in All.Where(listener => services.Contains(listener.Service)))
        {
            listener.Release();
        }
    }

    /// <summary>Closes the sockets. May be called repeatedly.</summary>
    public void Dispose()
    {
        foreach (ServiceListener listener in All)
        {
            listener.Release();
        }
    }
}
