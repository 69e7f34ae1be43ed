using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace ImageIO.Configuration;

/// <summary>The effective configuration for <c>--show-config</c>. Options name files of keys, never keys: nothing here is secret.</summary>
public static class ConfigurationJson
{
    private static readonly JsonWriterOptions Indented = new()
    {
        Indented = true,
        // For a terminal, not for a web page: quotes in args and kwargs can be read.
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
                // With a fraction always, so that its type can be seen: 1.0.
                json.WriteRawValue(number.ToString("0.0###############", CultureInfo.InvariantCulture));
                break;
            default:
                json.WriteStringValue(value.ToString());
                break;
        }
    }
}
