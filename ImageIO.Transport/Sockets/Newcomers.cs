using System.Net;

namespace ImageIO.Transport.Sockets;

/// <summary>
/// The connections whose client has not introduced itself: it has sent nothing yet, or its TLS handshake is under way.
/// Their number is bounded, and each address has a share of it. For one too many, the connection is ended whose client
/// has been silent for longest, so clients that connect and say nothing lock nobody out.
/// </summary>
/// <param name="most">How many there may be.</param>
/// <param name="shareOfAnAddress">From how many on an address makes room for its next one by itself.</param>
/// <param name="time">The clock.</param>
internal sealed class Newcomers(int most, int shareOfAnAddress, TimeProvider time)
{
    // IPv6 networks of one site: a single host there has as many addresses as it wants (RFC 6177).
    private const int SiteBytes = 8;

    // How many of the oldest are looked at in one search. Those that have sent something will not be old for long.
    private const int MostLookedAt = 16;

    // A client speaks first, and at once: its first bytes are right behind the packet that opens the connection.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMilliseconds(100);

    // A handshake under way has its client's second message to wait for.
    private static readonly TimeSpan LongestHandshake = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestHandshakeAboveShare = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();

    // Guarded by the lock; the oldest is the first. Connections that have sent something are less likely to be idle
    // ones.
    private readonly LinkedList<Newcomer> _silent = new();
    private readonly LinkedList<Newcomer> _speaking = new();
    private readonly Dictionary<IPAddress, int> _byAddress = [];

    /// <summary>How many there are.</summary>
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

    /// <summary>Whether there are so many that they must be patient for a shorter time.</summary>
    internal bool AreMany => Count > most / 2;

    /// <summary>Newcomers that were ended because there was one too many.</summary>
    internal long Ended { get; private set; }

    /// <summary>Whether there is room for one more; if there is not, ends another one that keeps us waiting.</summary>
    /// <param name="remote">Where the new one comes from.</param>
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

    /// <summary>A connection was accepted.</summary>
    /// <param name="remote">Where it comes from; only IP addresses have a share.</param>
    /// <param name="hasSent">Tells whether its client has sent something that was not read yet.</param>
    /// <param name="end">Ends it.</param>
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

    /// <summary>Its client has sent something.</summary>
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

    /// <summary>It is no newcomer any more, or has gone; once or more often.</summary>
    internal void Remove(Newcomer newcomer)
    {
        lock (_lock)
        {
            Remove(newcomer, isEnded: false);
        }
    }

    /// <summary>Ends the one that has been silent for longest, to make room.</summary>
    /// <returns>Whether there was one whose client has sent nothing.</returns>
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

    // One whose client is to blame for its age: a silent one, else one whose handshake stands still.
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
