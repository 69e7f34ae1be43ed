using System.Runtime.InteropServices;

namespace ImageIO.CommandLine.Commands;

/// <summary>The system's authorities, where they are not asked.</summary>
internal static partial class SystemAuthorities
{
    // A file and a directory in which there are none.
    private const string Nothing = "/dev/null";

    /// <summary>
    /// Keeps the runtime from reading them: it does so before each first connection, also where other authorities are
    /// given, and twice. That took 0.1 s of CPU, four fifths of a small transfer.
    /// </summary>
    /// <param name="caFile">The authorities that are given. Null: none, so the system's are asked.</param>
    /// <param name="isInsecure">Whether anybody is trusted.</param>
    public static void SkipUnlessAsked(string? caFile, bool isInsecure)
    {
        if (OperatingSystem.IsLinux() && (caFile is not null || isInsecure))
        {
            // In the process's own environment, where OpenSSL looks; the platform's call changes only a copy.
            _ = SetEnvironment("SSL_CERT_FILE", Nothing, overwrite: 1);
            _ = SetEnvironment("SSL_CERT_DIR", Nothing, overwrite: 1);
        }
    }

    // setenv(3).
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
