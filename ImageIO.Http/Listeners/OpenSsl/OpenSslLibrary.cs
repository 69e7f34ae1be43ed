using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <summary>Whether the system has an OpenSSL that the transport can use.</summary>
internal static class OpenSslLibrary
{
    private static readonly Lazy<string?> FoundProblem = new(FindProblem);

    /// <summary>What stands against using it. Null: nothing.</summary>
    internal static string? Problem => FoundProblem.Value;

    /// <summary>The library's name and version, as it says it itself.</summary>
    internal static string Name => Marshal.PtrToStringUTF8(LibSsl.VersionText(0)) ?? LibSsl.Ssl;

    /// <summary>Takes the errors that calls of this thread left, as one sentence, and leaves none.</summary>
    internal static unsafe string TakeErrors()
    {
        var texts = new List<string>();
        byte* text = stackalloc byte[256]; // as ERR_error_string_n(3) asks
        while (LibSsl.NextError() is var error && error != 0)
        {
            LibSsl.ErrorText(error, text, 256);
            texts.Add(Marshal.PtrToStringUTF8((nint)text) ?? "");
        }

        return texts.Count > 0 ? string.Join("; ", texts) : "no reason given";
    }

    /// <summary>Fails unless a call succeeded, which it says by a number above 0.</summary>
    /// <exception cref="CryptographicException">It did not.</exception>
    internal static void Check(nint result, string call)
    {
        if (result <= 0)
        {
            throw Failure(call);
        }
    }

    /// <summary>The failure of a call, with the reasons that OpenSSL gives.</summary>
    internal static CryptographicException Failure(string call) => new($"{call} failed: {TakeErrors()}");

    private static string? FindProblem()
    {
        try
        {
            Marshal.PrelinkAll(typeof(LibSsl));
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return $"OpenSSL 3 cannot be used: {e.Message}";
        }

        // Its exit handlers would free what threads that still run use.
        return LibSsl.Initialize(LibSsl.OPENSSL_INIT_NO_ATEXIT, 0) == 1 ? null : $"OPENSSL_init_ssl failed: {TakeErrors()}";
    }
}
