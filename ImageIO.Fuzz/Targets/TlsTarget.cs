using System.Runtime.InteropServices;
using System.Security.Authentication;
using ImageIO.Transport.Tls;

namespace ImageIO.Fuzz.Targets;

/// <summary>TLS by OpenSSL on the socket: a client's bytes before, in and after the handshake.</summary>
internal static partial class TlsTarget
{
    // More than a record, and little enough for hundreds of inputs a second.
    private const int LongestData = 20_000;
    private const int MostSteps = 64;

    /// <summary>
    /// The input replaces the client's handshake. It must fail, and the server must not wait for more.
    /// </summary>
    public static void Handshake(byte[] input)
    {
        using var pair = new TlsPair();
        Task accept = pair.HandshakeAsync();
        pair.ToServer(input);
        pair.EndClient();
        FuzzTarget.MustHold(accept.IsCompleted, "a handshake ends with the client's bytes");
        FuzzTarget.MustHold(
            accept.Exception?.InnerException is AuthenticationException or IOException,
            "bytes that somebody made up are no handshake");
    }

    /// <summary>
    /// The input lists the client's steps, and what happens to its records on the way: each step is a byte for its kind
    /// and one for its amount. The server must read a prefix of the client's data and no other byte, and must notice
    /// when the client has left.
    /// </summary>
    public static void Records(byte[] input)
    {
        using var pair = new TlsPair();
        pair.Connect();
        var run = new TlsRecordRun(pair, LongestData);
        int steps = Math.Min(input.Length / 2, MostSteps);
        for (int i = 0; i < steps; i++)
        {
            run.Step(input[2 * i], input[(2 * i) + 1], input.AsSpan(2 * (i + 1)));
        }

        run.Finish();
    }

    // Because this assembly calls the library, too.
    static TlsTarget() =>
        NativeLibrary.SetDllImportResolver(typeof(TlsTarget).Assembly, (name, _, _) => OpenSslLibrary.Resolve(name));

    [LibraryImport(LibSsl.Ssl, EntryPoint = "SSL_key_update")]
    internal static partial int UpdateKeys(SslHandle ssl, int kind);

    [LibraryImport(LibSsl.Ssl, EntryPoint = "SSL_get_shutdown")]
    internal static partial int ShutdownState(SslHandle ssl);
}
