namespace ImageIO.Http.Listeners;

/// <summary>The option that once chose between OpenSSL and .NET's TLS; there is only OpenSSL now.</summary>
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
