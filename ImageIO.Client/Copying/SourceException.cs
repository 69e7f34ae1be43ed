namespace ImageIO.Client.Copying;

/// <summary>The local end failed during a request. The connection did not, so there is no retry.</summary>
internal sealed class SourceException(Exception cause) : Exception(cause.Message, cause);
