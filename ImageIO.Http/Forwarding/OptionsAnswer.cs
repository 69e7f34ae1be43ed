using System.Buffers;
using System.Text.Json;
using ImageIO.Core.Errors;
using ImageIO.Http.Messages;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Forwarding;

/// <summary>A daemon's answer to OPTIONS, as another daemon's or a proxy's client may use it.</summary>
/// <remarks>
/// A key is narrowed, never added: a client tells by <c>expires_in</c> that the daemon remembers lost writes, which the
/// daemon behind us may not do.
/// </remarks>
public static class OptionsAnswer
{
    /// <summary>
    /// Answers a client, without the daemon's Unix socket, which a client of another host cannot reach.
    /// </summary>
    /// <param name="context">The client's request.</param>
    /// <param name="answer">The daemon's answer, a JSON object.</param>
    /// <param name="limits">Limits of the client's own ticket. Null: the client has the daemon's ticket.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="TransferException"><see cref="TransferError.UpstreamFailed"/>: it is no JSON
    /// object.</exception>
    public static async Task WriteAsync(
        HttpContext context, Stream answer, OptionsLimits? limits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        ReadOnlyMemory<byte> narrowed = await NarrowAsync(answer, limits, cancellationToken);
        context.Response.ContentLength = narrowed.Length;
        await Answer.ToClient(context).WriteAsync(narrowed, cancellationToken);
    }

    /// <summary>The daemon's answer as the client gets it.</summary>
    /// <inheritdoc cref="WriteAsync" path="/exception" />
    internal static async Task<ReadOnlyMemory<byte>> NarrowAsync(
        Stream answer, OptionsLimits? limits, CancellationToken cancellationToken)
    {
        var buffer = new ArrayBufferWriter<byte>();
        try
        {
            using JsonDocument document = await JsonDocument.ParseAsync(
                new BoundedStream(answer, RequestBody.LargestMessage), cancellationToken: cancellationToken);
            using var json = new Utf8JsonWriter(buffer);
            json.WriteStartObject();
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                if (!property.NameEquals("unix_socket") && (limits is null || !WriteNarrowed(json, property, limits)))
                {
                    property.WriteTo(json);
                }
            }

            if (limits?.Filename is { } filename)
            {
                json.WriteString("filename", filename);
            }

            json.WriteEndObject();
        }
        catch (Exception e)
            when (e is JsonException or InvalidOperationException or FormatException or InvalidDataException)
        {
            throw new TransferException(
                TransferError.UpstreamFailed, "The daemon's answer to OPTIONS is no JSON object", e);
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    // False: the key stays as it is.
    private static bool WriteNarrowed(Utf8JsonWriter json, JsonProperty property, OptionsLimits limits)
    {
        switch (property.Name)
        {
            case "features" when !limits.CanWrite:
                json.WritePropertyName(property.Name);
                ImageFeatures.WriteReadOnly(
                    json, property.Value.EnumerateArray().Select(feature => feature.GetString()));
                return true;
            case "size":
                json.WriteNumber(property.Name, Math.Min(limits.Size, property.Value.GetInt64()));
                return true;
            case "expires_in":
                json.WriteNumber(property.Name, Math.Min(limits.ExpiresInSeconds, property.Value.GetInt64()));
                return true;
            case "ops":
                WriteArray(json, property.Name, limits.Ops);
                return true;
            case "filename":
                // Written once, behind the others.
                return limits.Filename is not null;
            default:
                return false;
        }
    }

    private static void WriteArray(Utf8JsonWriter json, string name, IEnumerable<string?> values)
    {
        json.WriteStartArray(name);
        foreach (string? value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }
}
