using System.Globalization;

namespace ImageIO.Backends.Nbd.Addresses;

/// <summary>The address of a server: a Unix socket, or a host and a port.</summary>
internal sealed record ServerAddress
{
    private ServerAddress(string path, string host, int port)
    {
        Path = path;
        Host = host;
        Port = port;
    }

    /// <summary>Path of the Unix socket; empty: TCP.</summary>
    public string Path { get; }

    /// <summary>A name, or an IPv4 or IPv6 address without brackets.</summary>
    public string Host { get; }

    /// <summary>The TCP port.</summary>
    public int Port { get; }

    /// <summary>Whether it is a Unix socket.</summary>
    public bool IsUnix => Path.Length > 0;

    /// <summary>A Unix socket.</summary>
    /// <exception cref="FormatException">The path is not absolute.</exception>
    public static ServerAddress Unix(string path) =>
        path.StartsWith('/') && !path.Contains('\0', StringComparison.Ordinal)
            ? new ServerAddress(path, "", 0)
            : throw new FormatException($"'{path}' is not an absolute path of a Unix socket");

    /// <summary>A TCP port.</summary>
    /// <exception cref="FormatException">The host is missing, or the port is invalid.</exception>
    public static ServerAddress Tcp(string host, string port)
    {
        string bare = host.StartsWith('[') && host.EndsWith(']') ? host[1..^1] : host;
        if (Uri.CheckHostName(bare) is UriHostNameType.Unknown or UriHostNameType.Basic)
        {
            throw new FormatException($"'{host}' is not the name or address of a host");
        }

        return int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number is > 0 and <= 65535
            ? new ServerAddress("", bare, number)
            : throw new FormatException($"'{port}' is not a port, expected 1 to 65535");
    }

    /// <inheritdoc />
    public override string ToString() =>
        IsUnix ? Path : Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}
