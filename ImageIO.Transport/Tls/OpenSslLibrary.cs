using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ImageIO.Transport.Tls;

/// <summary>Checks for an OpenSSL that can be used: version 3, or 1.1.1 as in the EL8 family.</summary>
internal static class OpenSslLibrary
{
    // 1.1.1, the first version with TLS 1.3.
    private const long Oldest = 0x10101000L;

    private static readonly Lazy<string?> FoundProblem = new(FindProblem);

    /// <summary>Why it cannot be used. Null: it can.</summary>
    internal static string? Problem => FoundProblem.Value;

    /// <summary>The library's name and version in its own words.</summary>
    internal static string Name => Marshal.PtrToStringUTF8(LibSsl.VersionText(0)) ?? LibSsl.Ssl;

    /// <summary>Takes the queued errors of this thread's calls, as one sentence.</summary>
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

    /// <summary>Throws if the library cannot be used.</summary>
    /// <exception cref="TransportException">It cannot; the message says why.</exception>
    internal static void Require()
    {
        if (Problem is { } problem)
        {
            throw new TransportException(
                $"{problem}. TLS needs OpenSSL 3 or 1.1.1: install the system's package of it");
        }
    }

    /// <summary>Throws if a call did not return a number above 0.</summary>
    /// <exception cref="CryptographicException">The call failed.</exception>
    internal static void Check(nint result, string call)
    {
        if (result <= 0)
        {
            throw Failure(call);
        }
    }

    /// <summary>The failure of a call, with OpenSSL's reasons.</summary>
    internal static CryptographicException Failure(string call) => new($"{call} failed: {TakeErrors()}");

    /// <summary>
    /// Loads OpenSSL in the version that .NET uses for cryptography, so that the process has only one: the system's
    /// newest, or the one in DOTNET_OPENSSL_VERSION_OVERRIDE.
    /// </summary>
    internal static nint Resolve(string name)
    {
        if (name is not (LibSsl.Ssl or LibSsl.Crypto))
        {
            return 0;
        }

        // MNNFFPPS of OPENSSL_VERSION_NUMBER(3), up to 1.1.1; MNN00PP0 from 3 on.
        long version = SafeEvpPKeyHandle.OpenSslVersion;
        string suffix = version >> 28 == 1 ? "1.1" : $"{version >> 28}";
        return NativeLibrary.Load($"{name}.so.{suffix}");
    }

    private static string? FindProblem()
    {
        long version;
        try
        {
            version = SafeEvpPKeyHandle.OpenSslVersion;
        }
        catch (Exception e)
            when (e is TypeInitializationException or DllNotFoundException or PlatformNotSupportedException)
        {
            return $"OpenSSL cannot be used: {e.GetBaseException().Message}";
        }

        if (version < Oldest)
        {
            return $"OpenSSL {version >> 28}.{(version >> 20) & 0xff}.{(version >> 12) & 0xff} is too old";
        }

        try
        {
            Marshal.PrelinkAll(typeof(LibSsl));
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return $"OpenSSL cannot be used: {e.Message}";
        }

        // Without exit handlers, which would free memory that running threads use.
        return LibSsl.Initialize(
            LibSsl.OPENSSL_INIT_NO_ATEXIT, 0) == 1 ? null : $"OPENSSL_init_ssl failed: {TakeErrors()}";
    }
}
