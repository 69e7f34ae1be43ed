namespace ImageIO.Client.Copying;

/// <summary>The local end failed, in the middle of a request: not a failure of the connection, so nothing to try again.</summary>
internal sealed class SourceException(Exception cause) : Exception(cause.Message, cause);
