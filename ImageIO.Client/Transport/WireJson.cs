using System.Text.Json.Serialization;

namespace ImageIO.Client.Transport;

/// <summary>A server's answers in JSON, read without reflection.</summary>
[JsonSerializable(typeof(ServerFeatures))]
[JsonSerializable(typeof(ExtentEntry))]
[JsonSerializable(typeof(ChecksumEntry))]
internal sealed partial class WireJson : JsonSerializerContext;
