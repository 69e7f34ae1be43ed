using System.Buffers;
using System.Text.Json;
using ImageIO.Core.Errors;

namespace ImageIO.Http.Forwarding;

/// <summary>A daemon's answer to OPTIONS, as somebody else's client may use it.</summary>
public static class OptionsAnswer
{
    private static readonly string[] WriteFeatures = ["flush", "zero"];

    /// <summary>The answer without the daemon's Unix socket, which a client of another host cannot reach.</summary>
    /// <param name="answer">The daemon's, a JSON object.</param>
    /// <param name="canWrite">Whether the client may write; otherwise the features for that are left out, too.</param>
    /// <exception cref="TransferException"><see cref="TransferError.UpstreamFailed"/>: it is no JSON object.</exception>
    public static ReadOnlyMemory<byte> WithoutUnixSocket(ReadOnlyMemory<byte> answer, bool canWrite = true)
    {
        var buffer = new ArrayBufferWriter<byte>(answer.Length);
        try
        {
            using var document = JsonDocument.Parse(answer);
            using var json = new Utf8JsonWriter(buffer);
            json.WriteStartObject();
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (property.NameEquals("features") && !canWrite)
                {
                    json.WriteStartArray("features");
                    foreach (string? feature in property.Value.EnumerateArray().Select(feature => feature.GetString()))
                    {
                        if (!WriteFeatures.Contains(feature, StringComparer.Ordinal))
                        {
                            json.WriteStringValue(feature);
                        }
                    }

                    json.WriteEndArray();
                }
                else if (!property.NameEquals("unix_socket"))
                {
                    property.WriteTo(json);
                }
            }

            json.WriteEndObject();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new TransferException(TransferError.UpstreamFailed, "The daemon's answer to OPTIONS is no JSON object", e);
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }
}
