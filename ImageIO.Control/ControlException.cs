namespace ImageIO.Control;

/// <summary>The control service could not be asked, or refused; the message says which and why.</summary>
public sealed class ControlException : Exception
{
    /// <summary>Creates the exception.</summary>
    public ControlException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
