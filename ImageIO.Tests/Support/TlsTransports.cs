namespace ImageIO.Tests.Support;

/// <summary>Who encrypts in the daemons and proxies under test.</summary>
internal static class TlsTransports
{
    /// <summary>
    /// The variable IMAGEIO_TEST_TLS, to run all tests with the one or the other: auto, openssl or dotnet. Unset: auto.
    /// </summary>
    public static string UnderTest { get; } = Environment.GetEnvironmentVariable("IMAGEIO_TEST_TLS") ?? "auto";
}
