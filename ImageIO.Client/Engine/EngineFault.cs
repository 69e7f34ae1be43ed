using System.Text.Json;
using System.Xml;
using System.Xml.Linq;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Engine;

/// <summary>Parses Engine's errors.</summary>
internal static class EngineFault
{
    /// <summary>The failure in an answer.</summary>
    public static TransferException Of(int status, string body, string what)
    {
        TransferError error = status switch
        {
            401 => TransferError.Unauthorized,
            403 => TransferError.OperationNotPermitted,
            404 => TransferError.ResourceUnknown,
            _ => TransferError.UpstreamFailed,
        };
        return new TransferException(error, $"Engine: {what} failed with {status}: {Text(body)}");
    }

    /// <summary>A failed login: 400 with a code and a text, in two forms.</summary>
    public static TransferException OfLogin(string body)
    {
        string text = "no reason given";
        try
        {
            using var json = JsonDocument.Parse(body);
            text = (Field(json, "error_description") ?? Field(json, "error") ?? text).Trim();
        }
        catch (JsonException)
        {
            // Perhaps a proxy's page, whose text is of no use.
        }

        return new TransferException(TransferError.Unauthorized, $"Engine refused the login: {text}");
    }

    // <fault><detail>…</detail><reason>…</reason></fault>, shown as "reason: detail".
    private static string Text(string body)
    {
        try
        {
            XElement fault = XElement.Parse(body);
            string? reason = fault.Descendants("reason").FirstOrDefault()?.Value;
            string? detail = fault.Descendants("detail").FirstOrDefault()?.Value;
            return string.Join(": ", new[] { reason, detail }.Where(part => !string.IsNullOrWhiteSpace(part)));
        }
        catch (XmlException)
        {
            return "no reason given";
        }
    }

    private static string? Field(JsonDocument json, string name) =>
        json.RootElement.ValueKind == JsonValueKind.Object
            && json.RootElement.TryGetProperty(name, out JsonElement value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;
}
