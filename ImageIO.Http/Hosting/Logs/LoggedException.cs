namespace ImageIO.Http.Hosting.Logs;

/// <summary>Replaces an exception in an event, because every formatter writes its <see cref="ToString"/>.</summary>
internal sealed class LoggedException(string text) : Exception
{
    public override string ToString() => text;
}
