using System.Net;

namespace ImageIO.Transport.Sockets;

/// <summary>A connection whose client has not introduced itself, as <see cref="Newcomers"/> knows it.</summary>
/// <param name="site">Where it comes from. Null: from this host, by a Unix socket.</param>
/// <param name="since">When it was accepted: a timestamp.</param>
/// <param name="hasSent">Tells whether its client has sent something that was not read yet.</param>
/// <param name="end">Ends it.</param>
internal sealed class Newcomer(IPAddress? site, long since, Func<bool> hasSent, Action end)
{
    /// <summary>Where it comes from. Null: from this host, by a Unix socket.</summary>
    internal IPAddress? Site { get; } = site;

    /// <summary>When it was accepted: a timestamp.</summary>
    internal long Since { get; } = since;

    /// <summary>Where it stands; null when it has gone. Guarded by the lock of <see cref="Newcomers"/>.</summary>
    internal LinkedListNode<Newcomer>? Node { get; set; }

    /// <summary>
    /// Whether its client has sent something that was not read yet: then it is not its client that is slow.
    /// </summary>
    internal bool HasSent() => hasSent();

    /// <summary>Ends it.</summary>
    internal void End() => end();
}
