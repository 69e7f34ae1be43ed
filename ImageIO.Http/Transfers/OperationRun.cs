using ImageIO.Core.Tickets;

namespace ImageIO.Http.Transfers;

/// <summary>One operation of a transfer, with its labels for counters and logs.</summary>
public sealed record OperationRun
{
    /// <summary>The transfer's name in logs.</summary>
    public required string TransferId { get; init; }

    /// <summary>read, write, zero, flush, extents, checksum; at a proxy also patch and options.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the backend.</summary>
    public required string Backend { get; init; }

    /// <summary>The operation, not yet run.</summary>
    public required IOperation Operation { get; init; }

    /// <summary>Bytes of the operation. Null: not known. Asked again at the end, when more may be known.</summary>
    public Func<long?> Length { get; init; } = () => null;

    /// <summary>The ticket that it runs under and extends. Null: the ticket is the daemon's.</summary>
    public Ticket? Ticket { get; init; }
}
