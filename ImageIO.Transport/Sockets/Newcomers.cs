using System.Net;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// Connections whose client has sent nothing yet, or whose TLS handshake is not complete. Their number is bounded, in
/// all and for each address. To make room, the connection that has been silent for longest is closed, so clients that
/// connect and say nothing cannot lock others out.
/// </summary>
/// <param name="most">Most newcomers.</param>
/// <param name="shareOfAnAddress">From this number on, an address makes room for its next newcomer by its own
/// oldest.</param>
/// <param name="time">The clock.</param>
internal sealed class Newcomers(int most, int shareOfAnAddress, TimeProvider time)
{
    // A host with IPv6 has as many addresses as it wants, so networks of a site are counted (RFC 6177).
    private const int SiteBytes = 8;

    // Most connections examined in one search. Those that have sent something are never old for long.
    private const int MostLookedAt = 16;

    // A client speaks at once: its first bytes follow the packet that opens the connection.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMilliseconds(100);

    // A handshake waits for one more message of its client.
    private static readonly TimeSpan LongestHandshake = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestHandshakeAboveShare = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();

    // Guarded by the lock; oldest first. A connection that has sent something is less likely to be idle.
    private readonly LinkedList<Newcomer> _silent = new();
    private readonly LinkedList<Newcomer> _speaking = new();
    private readonly Dictionary<IPAddress, int> _byAddress = [];

    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _silent.Count + _speaking.Count;
            }
        }
    }

    /// <summary>Whether newcomers are so many that they get less time.</summary>
    internal bool AreMany => Count > most / 2;

    /// <summary>Newcomers that were closed to make room.</summary>
    internal long Ended { get; private set; }

    /// <summary>Whether there is room for another one. If not, closes one that is silent.</summary>
    /// <param name="remote">Address of the new connection.</param>
    internal bool HasRoomFor(EndPoint? remote)
    {
        IPAddress? site = SiteOf(remote);
        Newcomer? ofSite = null, ofAll = null;
        bool hasRoom;
        lock (_lock)
        {
            if (site is not null && _byAddress.GetValueOrDefault(site) >= shareOfAnAddress)
            {
                ofSite = Quiet(newcomer => site.Equals(newcomer.Site), LongestHandshakeAboveShare);
                Remove(ofSite, isEnded: true);
            }

            hasRoom = _silent.Count + _speaking.Count < most;
            if (!hasRoom)
            {
                ofAll = Quiet(_ => true, LongestHandshake);
                Remove(ofAll, isEnded: true);
            }
        }

        ofSite?.End();
        ofAll?.End();
        return hasRoom || ofAll is not null;
    }

    /// <summary>Adds an accepted connection.</summary>
    /// <param name="remote">Its address. Only IP addresses have a share.</param>
    /// <param name="hasSent">Whether the client has sent bytes that were not read yet.</param>
    /// <param name="end">Closes the connection.</param>
    internal Newcomer Add(EndPoint? remote, Func<bool> hasSent, Action end)
    {
        var newcomer = new Newcomer(SiteOf(remote), time.GetTimestamp(), hasSent, end);
        lock (_lock)
        {
            newcomer.Node = _silent.AddLast(newcomer);
            if (newcomer.Site is { } site)
            {
                _byAddress[site] = _byAddress.GetValueOrDefault(site) + 1;
            }
        }

        return newcomer;
    }

    /// <summary>Notes that the client has sent something.</summary>
    internal void Speaks(Newcomer newcomer)
    {
        lock (_lock)
        {
            if (newcomer.Node is { List: { } list } node && list == _silent)
            {
                _silent.Remove(node);
                _speaking.AddLast(node);
            }
        }
    }

    /// <summary>Removes it, when it is introduced or closed. May be called repeatedly.</summary>
    internal void Remove(Newcomer newcomer)
    {
        lock (_lock)
        {
            Remove(newcomer, isEnded: false);
        }
    }

    /// <summary>Closes the one that has been silent for longest.</summary>
    /// <returns>Whether there was a silent one.</returns>
    internal bool EndSilent()
    {
        Newcomer? silent;
        lock (_lock)
        {
            silent = Quiet(_silent, _ => true, LongestSilence);
            Remove(silent, isEnded: true);
        }

        silent?.End();
        return silent is not null;
    }

    // The oldest whose client is the slow side: a silent one, or else one with a stalled handshake.
    private Newcomer? Quiet(Predicate<Newcomer> isMeant, TimeSpan longestHandshake) =>
        Quiet(_silent, isMeant, LongestSilence) ?? Quiet(_speaking, isMeant, longestHandshake);

    private Newcomer? Quiet(LinkedList<Newcomer> list, Predicate<Newcomer> isMeant, TimeSpan patience) => list
        .Where(newcomer => isMeant(newcomer))
        .Take(MostLookedAt)
        .FirstOrDefault(newcomer => time.GetElapsedTime(newcomer.Since) >= patience && !newcomer.HasSent());

    private void Remove(Newcomer? newcomer, bool isEnded)
    {
        if (newcomer?.Node is not { List: { } list } node)
        {
            return;
        }

        list.Remove(node);
        newcomer.Node = null;
        Ended += isEnded ? 1 : 0;
        if (newcomer.Site is { } site && --_byAddress[site] is var left && left == 0)
        {
            _byAddress.Remove(site);
        }
    }

    private static IPAddress? SiteOf(EndPoint? remote)
    {
        if (remote is not IPEndPoint { Address: var address })
        {
            return null;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        byte[] bytes = address.GetAddressBytes();
        return bytes.Length <= SiteBytes ? address : new IPAddress([.. bytes[..SiteBytes],
            .. new byte[bytes.Length - SiteBytes]]);
    }
}
