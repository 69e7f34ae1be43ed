using System.Runtime.InteropServices;
using System.Security.Authentication;
using ImageIO.Transport.Tls;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// The TLS that OpenSSL speaks on the socket itself: a client's bytes before, in and after the handshake.
/// </summary>
internal static partial class TlsTarget
{
    // More than a record in all, and little enough for hundreds of inputs a second.
    private const int LongestData = 20_000;
    private const int MostSteps = 64;

    /// <summary>
    /// The input is what the client sends instead of a handshake: nobody gets in, and nothing waits for more.
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
    /// The input says what a client does on a connection, and what becomes of its records on their way: each step is a
    /// byte that says what, and one that says how much. The server must read the beginning of what the client wrote, in
    /// order, and no byte else; and when the client has gone, it must know.
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

    // This assembly calls the library, too.
    static TlsTarget() =>
        NativeLibrary.SetDllImportResolver(typeof(TlsTarget).Assembly, (name, _, _) => OpenSslLibrary.Resolve(name));

    [LibraryImport(LibSsl.Ssl, EntryPoint = "SSL_key_update")]
    internal static partial int UpdateKeys(SslHandle ssl, int kind);

    [LibraryImport(LibSsl.Ssl, EntryPoint = "SSL_get_shutdown")]
    internal static partial int ShutdownState(SslHandle ssl);
}
