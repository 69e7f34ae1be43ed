using ImageIO.Core.Tickets;

namespace ImageIO.Http.Transfers;

/// <summary>One operation of a transfer, with what counters and logs tell of it.</summary>
public sealed record OperationRun
{
    /// <summary>Its transfer, as logs call it.</summary>
    public required string TransferId { get; init; }

    /// <summary>read, write, zero, flush, extents, checksum; at a proxy also patch and options.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the backend that serves it.</summary>
    public required string Backend { get; init; }

    /// <summary>The operation, not yet run.</summary>
    public required IOperation Operation { get; init; }

    /// <summary>Bytes that it is about; null: not known. Asked again at the end, when more may be known.</summary>
    public Func<long?> Length { get; init; } = () => null;

    /// <summary>The ticket that it runs under, which it extends. Null: the daemon has it.</summary>
    public Ticket? Ticket { get; init; }
}
