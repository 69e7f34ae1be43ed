namespace ImageIO.Client.Transport;

/// <summary>Why a request to the server failed, as far as it decides what is done next.</summary>
internal enum ExchangeFailure
{
    /// <summary>No connection: refused, unreachable, no such host, time over.</summary>
    Unreachable,

    /// <summary>The server's certificate is not trusted, or is another host's. Trying again changes nothing.</summary>
    CertificateRefused,

    /// <summary>The connection broke, stood still, or the answer was cut.</summary>
    Broken,

    /// <summary>408, 502, 503, 504: the server, or a proxy before it, is busy.</summary>
    Busy,

    /// <summary>500: the storage failed, or what was written may be lost.</summary>
    ServerFailed,

    /// <summary>400 to a body with a digest: it changed on its way.</summary>
    DigestMismatch,

    /// <summary>507: the storage is full.</summary>
    StorageFull,

    /// <summary>401, 403: the ticket is unknown, expired or cancelled, or does not permit this.</summary>
    NotPermitted,

    /// <summary>404, 405, 416 and other answers that will not change.</summary>
    Refused,
}
