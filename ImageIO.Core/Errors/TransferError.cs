namespace ImageIO.Core.Errors;

/// <summary>
/// Why a request or an operation failed: one name for each reason, used in logs, metrics and tests. Which HTTP status a
/// reason has is decided in one place, the error mapper of ImageIO.Http.
/// </summary>
public enum TransferError
{
    /// <summary>The request itself is wrong: a header, a parameter, or the body's JSON.</summary>
    InvalidRequest,

    /// <summary>The body does not have the digest that its header promised.</summary>
    DigestMismatch,

    /// <summary>The body is larger than this resource reads.</summary>
    RequestTooLarge,

    /// <summary>No such path on this service.</summary>
    ResourceUnknown,

    /// <summary>The method is unknown, or the resource does not have it.</summary>
    MethodNotAllowed,

    /// <summary>No ticket with this id, as the management side sees it.</summary>
    TicketNotFound,

    /// <summary>A client presented the id of a ticket that does not exist.</summary>
    TicketUnknown,

    /// <summary>The ticket's time is over.</summary>
    TicketExpired,

    /// <summary>The ticket is being removed; running operations stop, new ones do not start.</summary>
    TicketCanceled,

    /// <summary>The ticket does not permit this operation.</summary>
    OperationNotPermitted,

    /// <summary>Operations were still running when the time to cancel a ticket was over.</summary>
    CancelTimedOut,

    /// <summary>The range passes the ticket's size or the image's end.</summary>
    RangeNotSatisfiable,

    /// <summary>The client went away, or sent less than it had announced.</summary>
    ClientDisconnected,

    /// <summary>The image could not be opened.</summary>
    ImageUnavailable,

    /// <summary>No space, or no quota, is left for the image.</summary>
    StorageFull,

    /// <summary>The storage reported an error, or gave less than it should hold.</summary>
    StorageFailed,

    /// <summary>A flush failed earlier and what it lost has not been written again.</summary>
    FlushLost,

    /// <summary>The backend does not offer what was asked for.</summary>
    NotSupported,

    /// <summary>A signed ticket that is not what it should be, or not now.</summary>
    SignedTicketRefused,

    /// <summary>A client of the proxy shows no credential: no ticket, none that is good for the image, no living session.</summary>
    Unauthorized,

    /// <summary>The request does not say how long its body is.</summary>
    LengthRequired,

    /// <summary>The daemon that a request is forwarded to cannot be connected to, or is not believed to be itself.</summary>
    UpstreamUnreachable,

    /// <summary>The daemon that a request is forwarded to stood still for too long.</summary>
    UpstreamTimedOut,

    /// <summary>The connection to the daemon that a request is forwarded to broke, or its answer made no sense.</summary>
    UpstreamFailed,

    /// <summary>A forwarded request came back to the program that forwarded it, or was forwarded too often.</summary>
    ForwardingLoop,

    /// <summary>Other requests have all of something that is shared; the same request may succeed later.</summary>
    Overloaded,
}
