namespace ImageIO.Core.Errors;

/// <summary>
/// Why a request or an operation failed: one name per reason, used in logs, metrics and tests. The error mapper of
/// ImageIO.Http alone maps reasons to HTTP statuses.
/// </summary>
public enum TransferError
{
    /// <summary>The request itself is wrong: a header, a parameter, or the body's JSON.</summary>
    InvalidRequest,

    /// <summary>The body does not have the digest that its header states.</summary>
    DigestMismatch,

    /// <summary>The body is larger than this resource reads.</summary>
    RequestTooLarge,

    /// <summary>No such path on this service.</summary>
    ResourceUnknown,

    /// <summary>The method is unknown, or the resource does not have it.</summary>
    MethodNotAllowed,

    /// <summary>No ticket has the id that the manager gave.</summary>
    TicketNotFound,

    /// <summary>No ticket has the id that a client presented.</summary>
    TicketUnknown,

    /// <summary>The ticket has expired.</summary>
    TicketExpired,

    /// <summary>The ticket is being removed; running operations stop, new ones do not start.</summary>
    TicketCanceled,

    /// <summary>The ticket does not permit this operation.</summary>
    OperationNotPermitted,

    /// <summary>Operations were still running when the time to cancel a ticket had passed.</summary>
    CancelTimedOut,

    /// <summary>The range passes the ticket's size or the image's end.</summary>
    RangeNotSatisfiable,

    /// <summary>The client disconnected, or sent less than it had announced.</summary>
    ClientDisconnected,

    /// <summary>The image could not be opened.</summary>
    ImageUnavailable,

    /// <summary>The storage or a quota has no space left for the image.</summary>
    StorageFull,

    /// <summary>The storage reported an error, or returned fewer bytes than it should.</summary>
    StorageFailed,

    /// <summary>An earlier flush failed, and the data that it lost has not been written again.</summary>
    FlushLost,

    /// <summary>The backend does not offer this.</summary>
    NotSupported,

    /// <summary>A signed ticket is malformed, not trusted, or not valid now.</summary>
    SignedTicketRefused,

    /// <summary>A client of the proxy has no valid ticket for the image and no live session.</summary>
    Unauthorized,

    /// <summary>The request does not say how long its body is.</summary>
    LengthRequired,

    /// <summary>The other daemon cannot be connected to, or its certificate is not trusted.</summary>
    UpstreamUnreachable,

    /// <summary>The other daemon sent or accepted nothing for too long.</summary>
    UpstreamTimedOut,

    /// <summary>The connection to the other daemon broke, or its answer is malformed.</summary>
    UpstreamFailed,

    /// <summary>A forwarded request came back to its forwarder, or was forwarded too often.</summary>
    ForwardingLoop,

    /// <summary>A shared resource is used up. The same request may succeed later.</summary>
    Overloaded,
}
