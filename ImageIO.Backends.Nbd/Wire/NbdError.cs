namespace ImageIO.Backends.Nbd.Wire;

/// <summary>The errors of the protocol, which have Linux's numbers on every system.</summary>
internal enum NbdError : uint
{
    /// <summary>Success.</summary>
    None = 0,

    /// <summary>Not permitted, as a write to a read-only export.</summary>
    EPERM = 1,

    /// <summary>The storage failed.</summary>
    EIO = 5,

    /// <summary>The server has no memory.</summary>
    ENOMEM = 12,

    /// <summary>The server considers the request invalid.</summary>
    EINVAL = 22,

    /// <summary>The storage is full.</summary>
    ENOSPC = 28,

    /// <summary>The reply would be too large.</summary>
    EOVERFLOW = 75,

    /// <summary>The server cannot do this.</summary>
    ENOTSUP = 95,

    /// <summary>The server is about to stop.</summary>
    ESHUTDOWN = 108,
}
