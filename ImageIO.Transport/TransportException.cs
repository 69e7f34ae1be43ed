namespace ImageIO.Transport;

/// <summary>A start fails because of a file, an address or a library. The message says what would be right.</summary>
public sealed class TransportException : IOException
{
    /// <summary>Creates a failure.</summary>
    public TransportException()
    {
    }

    /// <summary>Creates a failure.</summary>
    public TransportException(string message)
        : base(message)
    {
    }

    /// <summary>Creates a failure with what caused it.</summary>
    public TransportException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
