namespace ImageIO.Tests.Support;

/// <summary>The calls of a backend that <see cref="FaultyBackend"/> counts.</summary>
internal enum BackendCall
{
    Read,
    Write,
    Zero,
    Flush,
}
