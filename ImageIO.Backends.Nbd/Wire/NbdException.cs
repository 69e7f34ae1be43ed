namespace ImageIO.Backends.Nbd.Wire;

/// <summary>
/// A failure to talk to a server: it could not be reached, refused, broke the protocol or disconnected. The caller
/// decides what it means for the image.
/// </summary>
internal sealed class NbdException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">The failure, as a part of a sentence about the server.</param>
    /// <param name="innerException">The cause, or null.</param>
    public NbdException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>Whether the server closed the connection in the middle of a message.</summary>
    public bool IsEnd { get; init; }

    /// <summary>A message that the protocol forbids.</summary>
    public static NbdException Protocol(string what) => new($"the server broke the protocol: {what}");

    /// <summary>The server closed the connection.</summary>
    public static NbdException End() => new("the server closed the connection") { IsEnd = true };
}
