using System.Runtime.InteropServices;

namespace ImageIO.CommandLine.Commands;

/// <summary>Skips the system's authorities when they are not needed.</summary>
internal static partial class SystemAuthorities
{
    // A file without authorities, and a directory without them.
    private const string Nothing = "/dev/null";

    /// <summary>
    /// Keeps the runtime from reading them. It does so before each first connection, twice, even if other authorities
    /// are given, which took 0.1 s of CPU: four fifths of a small transfer.
    /// </summary>
    /// <param name="caFile">The given authorities. Null: none, so the system's are needed.</param>
    /// <param name="isInsecure">Whether every certificate is accepted.</param>
    public static void SkipUnlessAsked(string? caFile, bool isInsecure)
    {
        if (OperatingSystem.IsLinux() && (caFile is not null || isInsecure))
        {
            // In the process's own environment, which OpenSSL reads. The platform's call changes only a copy.
            _ = SetEnvironment("SSL_CERT_FILE", Nothing, overwrite: 1);
            _ = SetEnvironment("SSL_CERT_DIR", Nothing, overwrite: 1);
        }
    }

    // setenv(3).
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
