namespace ImageIO.Http.Hosting.Logs;

/// <summary>Stands for an exception in an event: every formatter writes what <see cref="ToString"/> gives.</summary>
internal sealed class LoggedException(string text) : Exception
{
    public override string ToString() => text;
}
