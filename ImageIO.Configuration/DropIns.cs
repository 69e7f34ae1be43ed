namespace ImageIO.Configuration;

/// <summary>
/// The daemon's configuration files: <c>conf.d/*.conf</c> of the vendor's directory and of the administrator's.
/// </summary>
public static class DropIns
{
    /// <summary>Directory for packages.</summary>
    public const string VendorDirectory = "/usr/lib/ovirt-imageio";

    /// <summary>Default directory for managers and administrators.</summary>
    public const string DefaultDirectory = "/etc/ovirt-imageio";

    // Installed by the packages, with the lines that a start needs.
    private const string ReadMe = "README";

    /// <summary>Reads all files in the order of their base names; later ones win. Of equal names the vendor's is
    /// read.</summary>
    /// <exception cref="ConfigurationException">The administrator's directory has none, or one is
    /// malformed.</exception>
    public static IReadOnlyList<IniOption> Read(string directory, string vendorDirectory = VendorDirectory)
    {
        string[] own = Files(directory);
        if (own.Length == 0)
        {
            throw new ConfigurationException(
                $"No configuration: there is no *.conf file in {Path.Combine(directory, "conf.d")}. Vdsm or "
                    + $"engine-setup writes one; "
                + $"without them write a file 99-local.conf there with the three lines [tls], key_file = "
                + $"/path/to/key.pem and "
                + $"cert_file = /path/to/cert.pem, see {Path.Combine(DefaultDirectory, ReadMe)}");
        }

        return
        [
            .. own.Concat(Files(vendorDirectory))
                .OrderBy(file => Path.GetFileName(file), StringComparer.Ordinal)
                .SelectMany(IniFile.Read),
        ];
    }

    private static string[] Files(string directory)
    {
        string dropIns = Path.Combine(directory, "conf.d");
        return Directory.Exists(dropIns) ? Directory.GetFiles(dropIns, "*.conf") : [];
    }
}
