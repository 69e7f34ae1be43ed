using System.CommandLine;
using System.Security.Cryptography;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Proxy.SignedTickets;

namespace ImageIO.Proxy;

/// <summary><c>ovirt-imageio-proxy sign-ticket</c>: makes a signed ticket without an Engine.</summary>
internal static class SignTicketCommand
{
    private const int DefaultSeconds = 3600;

    public static Command Create()
    {
        var key = new Option<FileInfo>("--key-file")
        {
            Description = "PEM file with the signer's RSA key",
            Required = true,
        };
        var certificate = new Option<FileInfo>("--cert-file")
        {
            Description = "PEM file with the signer's certificate",
            Required = true,
        };
        var daemon = new Option<string>("--imaged-uri")
        {
            Description = "The daemon: https://HOST:PORT",
            Required = true,
        };
        var transfer = new Option<string>("--transfer-id")
        {
            Description = "What logs call the transfer",
            DefaultValueFactory = _ => "",
        };
        var seconds = new Option<int>("--valid-for")
        {
            Description = "Seconds that the ticket is valid from now on",
            DefaultValueFactory = _ => DefaultSeconds,
        };
        var form = new Option<SignatureForms>("--form")
        {
            Description = "Signature: pkcs1, pss or both",
            DefaultValueFactory = _ => SignatureForms.Both,
        };
        form.AcceptOnlyFromAmong("pkcs1", "pss", "both");
        var command = new Command(
            "sign-ticket", "Reads a ticket id from standard input, writes a signed ticket to standard output.")
        {
            key, certificate, daemon, transfer, seconds, form,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(key)!,
            parsed.GetValue(certificate)!,
            parsed.GetValue(daemon)!,
            parsed.GetValue(transfer)!,
            TimeSpan.FromSeconds(parsed.GetValue(seconds)),
            parsed.GetValue(form),
            cancellationToken));
        return command;
    }

    // The id comes from standard input, because all users of the host can read a command line.
    private static async Task<int> RunAsync(
        FileInfo keyFile,
        FileInfo certificateFile,
        string daemon,
        string transferId,
        TimeSpan lifetime,
        SignatureForms form,
        CancellationToken cancellationToken)
    {
        try
        {
            DaemonAddress address = DaemonAddress.Parse(daemon)
                ?? throw new ArgumentException($"--imaged-uri is '{daemon}', expected https://HOST:PORT");
            string id = (await Console.In.ReadLineAsync(cancellationToken))?.Trim() is { Length: > 0 } line
                ? line
                : throw new ArgumentException("No ticket id on standard input");
            using var key = RSA.Create();
            key.ImportFromPem(await File.ReadAllTextAsync(keyFile.FullName, cancellationToken));
            string certificate = await File.ReadAllTextAsync(certificateFile.FullName, cancellationToken);
            var signer = new TicketSigner(certificate, key, TimeProvider.System);
            await Console.Out.WriteLineAsync(signer.Sign(address, id, transferId, lifetime, form));
            return 0;
        }
        catch (Exception e)
            when (e is ArgumentException or IOException or UnauthorizedAccessException or CryptographicException)
        {
            await Console.Error.WriteLineAsync($"ovirt-imageio-proxy: {OneLine.Of(e.Message)}");
            return 1;
        }
    }
}
