using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace ImageIO.Proxy.Sessions;

/// <summary>Where the keys come from that make and open session ids.</summary>
internal static class SessionKeys
{
    // Part of what every key is used with: rings of other programs in the same directory open nothing of ours.
    private const string Application = "ovirt-imageio-proxy";

    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Keys in memory, which end with the process.</summary>
    public static IDataProtectionProvider Ephemeral() => new EphemeralDataProtectionProvider();

    /// <summary>
    /// Keys in a directory that the proxies of one address share. They are made when there are none, and renewed long
    /// before they end, so that all proxies know the next one in time.
    /// </summary>
    /// <exception cref="ConfigurationException">The directory cannot be used, or is open to everybody.</exception>
    public static IDataProtectionProvider In(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory, Owner);
            if ((File.GetUnixFileMode(directory) & Others) != 0)
            {
                throw new ConfigurationException(
                    $"Cannot use session_key_dir {directory}: everybody on the host can look into it, and who has the keys can "
                    + "make sessions; chmod 0700 it");
            }

            IDataProtectionProvider keys = DataProtectionProvider.Create(
                new DirectoryInfo(directory), builder => builder.SetApplicationName(Application));
            // Makes the first key now: a directory that cannot be written shows here, not at the first client.
            keys.CreateProtector(nameof(SessionKeys)).Protect([]);
            return keys;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or InvalidOperationException)
        {
            throw new ConfigurationException($"Cannot use session_key_dir {directory}: {e.Message}", e);
        }
    }
}
