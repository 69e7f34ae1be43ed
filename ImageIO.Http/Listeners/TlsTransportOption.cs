namespace ImageIO.Http.Listeners;

/// <summary>The option that chose between OpenSSL and .NET's TLS. Now there is only OpenSSL.</summary>
public static class TlsTransportOption
{
    /// <summary>Reads the option, because existing files have it, and warns if it asks for .NET's TLS.</summary>
    public static void Read(ConfigurationReader reader, string section, string name)
    {
        ArgumentNullException.ThrowIfNull(reader);
        if (reader.Choice(section, name, "auto", "auto", "openssl", "dotnet") == "dotnet")
        {
            reader.Warn(section, name, ".NET's TLS is not offered any more, OpenSSL is used; remove the option");
        }
    }
}
