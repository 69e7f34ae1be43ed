using System.Buffers;
using System.Globalization;
using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Http.Messages;

namespace ImageIO.Proxy.SignedTickets;

/// <summary>
/// A parsed signed ticket: only its form is checked (proxy-api section 1). A secret, so its text shows nothing.
/// </summary>
public sealed class SignedTicket
{
    /// <summary>Most characters: 64 KiB. Real ones have about 5 KiB, with two signatures and a certificate.</summary>
    public const int LongestText = 64 * 1024;

    private const string TimeFormat = "yyyyMMddHHmmss";

    // Without white space, which .NET's decoder ignores.
    private static readonly SearchValues<char> Base64Characters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

    private static readonly UTF8Encoding StrictUtf8 = new(
        encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Dictionary<string, string> _fields;

    private SignedTicket(Dictionary<string, string> fields)
    {
        _fields = fields;
        string[] names = [.. Required("signedFields").Split(',').Select(name => name.Trim())];
        IEnumerable<string> mustBeSigned = ["salt", "data", "validFrom", "validTo"];
        if (_fields.ContainsKey("signature"))
        {
            DigestName = Required("digest");
            Signature = Bytes("signature");
            mustBeSigned = mustBeSigned.Append("digest");
        }

        if (_fields.ContainsKey("v2_signature"))
        {
            PssSignature = Bytes("v2_signature");
        }

        foreach (string name in mustBeSigned.Where(name => !names.Contains(name, StringComparer.Ordinal)))
        {
            throw Refused($"'{name}' is not among the signed fields");
        }

        if (names.Distinct(StringComparer.Ordinal).Count() != names.Length)
        {
            throw Refused("a field is signed twice");
        }

        // The values are signed without separators. Only their strict forms keep a byte of one from being passed off as
        // a byte of its neighbour.
        Bytes("salt");
        ValidFrom = Time("validFrom");
        ValidTo = Time("validTo");
        Data = Required("data");
        SignedBytes = StrictUtf8.GetBytes(string.Concat(names.Select(Required)));
    }

    /// <summary>The payload: JSON text.</summary>
    public string Data { get; }

    /// <summary>Start of its validity, inclusive.</summary>
    public DateTimeOffset ValidFrom { get; }

    /// <summary>End of its validity, inclusive.</summary>
    public DateTimeOffset ValidTo { get; }

    /// <summary>The hash of <see cref="Signature"/>. Null: there is no such signature.</summary>
    public string? DigestName { get; }

    /// <summary>The signature with PKCS#1 v1.5 padding. Null: there is none.</summary>
    public ReadOnlyMemory<byte>? Signature { get; }

    /// <summary>The signature with PSS padding. Null: there is none.</summary>
    public ReadOnlyMemory<byte>? PssSignature { get; }

    /// <summary>The bytes that both signatures sign.</summary>
    public ReadOnlyMemory<byte> SignedBytes { get; }

    /// <summary>Parses a signed ticket.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.SignedTicketRefused"/>: malformed. The message never contains a part of the ticket.
    /// </exception>
    public static SignedTicket Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > LongestText)
        {
            throw Refused($"it is longer than {LongestText} characters");
        }

        byte[] json = Decode(text.TrimEnd(' ', '\t', '\r', '\n')) ?? throw Refused("it is not base64");
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        try
        {
            var read = JsonFields.Parse(json, allowRepeats: false);
            foreach (string name in read.Names)
            {
                fields[name] = read.RequiredString(name);
            }
        }
        catch (TransferException)
        {
            // The reader's own message may name a field, and with it a part of the ticket.
            throw Refused("it is not a JSON object of strings, each of another name");
        }

        return new SignedTicket(fields);
    }

    /// <summary>A constant, so that the ticket never gets into a text by accident.</summary>
    public override string ToString() => "(signed ticket)";

    internal static TransferException Refused(string reason) =>
        new(TransferError.SignedTicketRefused, $"The signed ticket is refused: {reason}");

    private string Required(string name) =>
        _fields.GetValueOrDefault(name)
        ?? throw Refused(IsOurs(name) ? $"'{name}' is missing" : "a field is signed that is not there");

    // Names come from the ticket itself, so messages may only repeat known ones.
    private static bool IsOurs(string name) =>
        name is "salt" or "digest" or "validFrom" or "validTo" or "data" or "signedFields";

    private ReadOnlyMemory<byte> Bytes(string name) => Decode(Required(name)) ?? throw Refused(
        $"'{name}' is not base64");

    private DateTimeOffset Time(string name)
    {
        string text = Required(name);
        return text.All(char.IsAsciiDigit)
            && DateTimeOffset.TryParseExact(
                text, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? time
            : throw Refused($"'{name}' is not a time like 20261231235959");
    }

    private static byte[]? Decode(string text)
    {
        if (text.AsSpan().ContainsAnyExcept(Base64Characters))
        {
            return null;
        }

        byte[] bytes = new byte[text.Length / 4 * 3];
        return Convert.TryFromBase64String(text, bytes, out int length) ? bytes[..length] : null;
    }
}
