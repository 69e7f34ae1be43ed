namespace ImageIO.Configuration;

/// <summary>The program cannot start. The message says what is wrong, where, and what would be right.</summary>
public sealed class ConfigurationException : Exception
{
    /// <summary>Creates the exception.</summary>
    public ConfigurationException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
