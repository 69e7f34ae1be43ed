using System.Net;

namespace ImageIO.Transport.Sockets;

/// <summary>A connection whose client has not introduced itself, as <see cref="Newcomers"/> knows it.</summary>
/// <param name="site">The client's network. Null: this host, by a Unix socket.</param>
/// <param name="since">Timestamp of the accept.</param>
/// <param name="hasSent">Whether the client has sent bytes that were not read yet.</param>
/// <param name="end">Closes the connection.</param>
internal sealed class Newcomer(IPAddress? site, long since, Func<bool> hasSent, Action end)
{
    internal IPAddress? Site { get; } = site;

    internal long Since { get; } = since;

    /// <summary>Its place; null after it was removed. Guarded by the lock of <see cref="Newcomers"/>.</summary>
    internal LinkedListNode<Newcomer>? Node { get; set; }

    /// <summary>Whether the client has sent bytes that were not read yet, so the client is not the slow side.</summary>
    internal bool HasSent() => hasSent();

    internal void End() => end();
}
