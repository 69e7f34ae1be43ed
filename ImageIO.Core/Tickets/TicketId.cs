namespace ImageIO.Core.Tickets;

/// <summary>The id of a ticket. Knowing it gives access, so it is a secret: only <see cref="Reveal"/> returns
/// it.</summary>
public readonly struct TicketId : IEquatable<TicketId>
{
    private readonly string _secret;

    /// <summary>Wraps an id.</summary>
    public TicketId(string secret) => _secret = secret ?? throw new ArgumentNullException(nameof(secret));

    /// <summary>The id itself, for the wire and for comparisons; never for a log or an error text.</summary>
    public string Reveal() => _secret;

    /// <inheritdoc />
    public bool Equals(TicketId other) => string.Equals(_secret, other._secret, StringComparison.Ordinal);

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is TicketId other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(_secret);

    /// <summary>A constant, so that the id never gets into a text by accident.</summary>
    public override string ToString() => "(ticket id)";

    /// <summary>Equality of the ids.</summary>
    public static bool operator ==(TicketId left, TicketId right) => left.Equals(right);

    /// <summary>Inequality of the ids.</summary>
    public static bool operator !=(TicketId left, TicketId right) => !left.Equals(right);
}
