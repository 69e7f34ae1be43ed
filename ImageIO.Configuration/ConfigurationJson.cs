using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ImageIO.Configuration;

/// <summary>
/// The effective configuration for <c>--show-config</c>. Not secret, because options name key files and never hold
/// keys.
/// </summary>
public static class ConfigurationJson
{
    private static readonly JsonWriterOptions Indented = new()
    {
        Indented = true,
        // For a terminal and not for a web page, so quotes in args and kwargs stay readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes every option by section, with its effective value.</summary>
    public static async Task WriteAsync(ConfigurationReader reader, Stream output)
    {
        await using (var json = new Utf8JsonWriter(output, Indented))
        {
            json.WriteStartObject();
            foreach (var section in reader.Effective.GroupBy(option => option.Section, StringComparer.Ordinal))
            {
                json.WriteStartObject(section.Key);
                foreach ((_, string name, object value) in section)
                {
                    json.WritePropertyName(name);
                    WriteValue(json, value);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        await output.WriteAsync("\n"u8.ToArray());
    }

    private static void WriteValue(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case bool boolean:
                json.WriteBooleanValue(boolean);
                break;
            case int integer:
                json.WriteNumberValue(integer);
                break;
            case double number:
                // Always with a fraction, which shows the type: 1.0.
                json.WriteRawValue(number.ToString("0.0###############", CultureInfo.InvariantCulture));
                break;
            default:
                json.WriteStringValue(value.ToString());
                break;
        }
    }
}
