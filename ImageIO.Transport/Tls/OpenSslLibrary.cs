using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace ImageIO.Transport.Tls;

/// <summary>Whether the system has an OpenSSL that TLS can use: version 3, or 1.1.1 as in the EL8 family.</summary>
internal static class OpenSslLibrary
{
    // 1.1.1, the first with TLS 1.3.
    private const long Oldest = 0x10101000L;

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

    /// <summary>Fails unless it can be used.</summary>
    /// <exception cref="TransportException">It cannot, and why.</exception>
    internal static void Require()
    {
        if (Problem is { } problem)
        {
            throw new TransportException(
                $"{problem}. TLS needs OpenSSL 3 or 1.1.1: install the system's package of it");
        }
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

    /// <summary>
    /// Finds OpenSSL's libraries in the version that .NET uses for cryptography, so that the process has only one: the
    /// newest of the system, or what DOTNET_OPENSSL_VERSION_OVERRIDE says.
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

        // Its exit handlers would free what threads that still run use.
        return LibSsl.Initialize(
            LibSsl.OPENSSL_INIT_NO_ATEXIT, 0) == 1 ? null : $"OPENSSL_init_ssl failed: {TakeErrors()}";
    }
}
