namespace ImageIO.Configuration;

/// <summary>The bounds of a port to listen on.</summary>
public static class ServicePort
{
    /// <summary>
    /// The largest port. 65535 is refused as by the reference, because it once meant "no port" to managers.
    /// </summary>
    public const int Largest = 65534;
}
