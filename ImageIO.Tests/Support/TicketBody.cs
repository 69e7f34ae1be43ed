using System.Text.Json.Nodes;

namespace ImageIO.Tests.Support;

/// <summary>Tickets as a manager writes them.</summary>
internal static class TicketBody
{
    /// <summary>All required keys, for a path.</summary>
    public static JsonObject For(string id, string path, long size, params string[] ops) => new()
    {
        ["uuid"] = id,
        ["size"] = size,
        ["url"] = $"file://{path}",
        ["timeout"] = 300,
        ["ops"] = new JsonArray([.. (ops.Length == 0 ? ["write"] : ops).Select(op => JsonValue.Create(op))]),
    };

    /// <summary>The same with one key changed.</summary>
    public static JsonObject With(this JsonObject ticket, string key, JsonNode? value)
    {
        ticket[key] = value;
        return ticket;
    }
}
