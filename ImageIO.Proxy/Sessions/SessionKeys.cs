using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace ImageIO.Proxy.Sessions;

/// <summary>The keys that seal session ids.</summary>
internal static class SessionKeys
{
    // Part of every key's purpose: key rings of other programs in the same directory open none of our ids.
    private const string Application = "ovirt-imageio-proxy";

    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Keys in memory, lost when the process ends.</summary>
    public static IDataProtectionProvider Ephemeral() => new EphemeralDataProtectionProvider();

    /// <summary>
    /// Keys in a directory that the proxies behind one address share. Created if missing, and renewed long before they
    /// expire, so that all proxies know the next key in time.
    /// </summary>
    /// <exception cref="ConfigurationException">The directory cannot be used, or other users can access it.</exception>
    public static IDataProtectionProvider In(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory, Owner);
            if ((File.GetUnixFileMode(directory) & Others) != 0)
            {
                throw new ConfigurationException(
                    $"Cannot use session_key_dir {directory}: everybody on the host can look into it, and who has the "
                        + $"keys can "
                    + "make sessions; chmod 0700 it");
            }

            IDataProtectionProvider keys = DataProtectionProvider.Create(
                new DirectoryInfo(directory), builder => builder.SetApplicationName(Application));
            // Creates the first key now, so that a directory that cannot be written fails here and not at the first
            // client.
            keys.CreateProtector(nameof(SessionKeys)).Protect([]);
            return keys;
        }
        catch (Exception e) when (e is IOException
            or UnauthorizedAccessException or CryptographicException or InvalidOperationException)
        {
            throw new ConfigurationException($"Cannot use session_key_dir {directory}: {e.Message}", e);
        }
    }
}
