using System.Text.Json.Serialization;

namespace ImageIO.Client.Copying;

/// <summary>The state of a copy in JSON, read and written without reflection.</summary>
[JsonSerializable(typeof(ResumeState))]
internal sealed partial class ResumeJson : JsonSerializerContext;
