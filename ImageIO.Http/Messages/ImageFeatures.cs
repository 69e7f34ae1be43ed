using System.Text.Json;

namespace ImageIO.Http.Messages;

/// <summary>The optional features of an image that <c>OPTIONS /images/ID</c> lists.</summary>
public static class ImageFeatures
{
    private static readonly string[] OfReading = ["checksum", "extents"];
    private static readonly string[] OfWriting = ["flush", "zero"];

    /// <summary>Writes the features as a list.</summary>
    /// <param name="json">Writes a value, or that of a property whose name is written.</param>
    /// <param name="canWrite">Whether the client's ticket permits writing.</param>
    public static void Write(Utf8JsonWriter json, bool canWrite)
    {
        ArgumentNullException.ThrowIfNull(json);
        WriteList(json, canWrite ? [.. OfReading, .. OfWriting] : OfReading);
    }

    /// <summary>Writes a daemon's list without the features that need the permission to write.</summary>
    internal static void WriteReadOnly(Utf8JsonWriter json, IEnumerable<string?> features) =>
        WriteList(json, features.Except(OfWriting));

    private static void WriteList(Utf8JsonWriter json, IEnumerable<string?> features)
    {
        json.WriteStartArray();
        foreach (string? feature in features)
        {
            json.WriteStringValue(feature);
        }

        json.WriteEndArray();
    }
}
