using System.Text.Json;
using System.Text.Json.Serialization;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

/// <summary>The durable ranges of an interrupted copy. Without the URL, which is a secret.</summary>
internal sealed record ResumeState
{
    private const int CurrentVersion = 1;

    [JsonPropertyName("version")]
    public required int Version { get; init; }

    [JsonPropertyName("direction")]
    public required string Direction { get; init; }

    [JsonPropertyName("local")]
    public required string Local { get; init; }

    [JsonPropertyName("size")]
    public required long Size { get; init; }

    [JsonPropertyName("server_size")]
    public required long ServerSize { get; init; }

    /// <summary>Engine's transfer. Null: a copy without Engine.</summary>
    [JsonPropertyName("transfer_id")]
    public string? TransferId { get; init; }

    /// <summary>Engine's disk.</summary>
    [JsonPropertyName("disk_id")]
    public string? DiskId { get; init; }

    /// <summary>First byte and length of each durable range.</summary>
    [JsonPropertyName("durable")]
    public required IReadOnlyList<long[]> DurableRanges { get; init; }

    /// <summary>Creates the state of a copy.</summary>
    public static ResumeState Of(
        string direction, string local, long size, long serverSize, IEnumerable<ByteRange> durable) => new()
        {
            Version = CurrentVersion,
            Direction = direction,
            Local = local,
            Size = size,
            ServerSize = serverSize,
            DurableRanges = [.. durable.Select(range => (long[])[range.Start, range.Length])],
        };

    /// <summary>The state in a file. Null: no file.</summary>
    public static ResumeState? Find(string? file)
    {
        if (file is null || !File.Exists(file))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), ResumeJson.Default.ResumeState);
        }
        catch (JsonException e)
        {
            throw new TransferException(TransferError.InvalidRequest, $"{file} is no state of a copy: {e.Message}", e);
        }
    }

    /// <summary>Durable ranges in the file; none if there is no file.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: the file belongs to another
    /// copy.</exception>
    public static IReadOnlyList<ByteRange> Read(string file, ResumeState expected)
    {
        if (Find(file) is not { } state)
        {
            return [];
        }

        string? wrong = state switch
        {
            { Version: not CurrentVersion } => "is of another version",
            _ when state.Direction != expected.Direction => $"is of a copy in the other direction ({state.Direction})",
            _ when state.Local != expected.Local => "is of another local file, or that was changed since",
            _ when state.Size != expected.Size || state.ServerSize != expected.ServerSize =>
                "is of an image of another size",
            _ when state.DurableRanges.Any(range => range is not [>= 0, > 0] || range[0] > state.Size - range[1]) =>
                "is damaged",
            _ => null,
        };
        return wrong is null
            ? [.. state.DurableRanges.Select(range => ByteRange.At(range[0], range[1]))]
            : throw new TransferException(
                TransferError.InvalidRequest, $"The copy cannot go on: {file} {wrong}. Remove the file to begin anew.");
    }

    /// <summary>Replaces the file atomically: after a crash it has the old state or the new one.</summary>
    public void Write(string file)
    {
        string temporary = $"{file}.new";
        using (FileStream stream = File.Create(temporary))
        {
            JsonSerializer.Serialize(stream, this, ResumeJson.Default.ResumeState);
            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, file, overwrite: true);
    }
}
