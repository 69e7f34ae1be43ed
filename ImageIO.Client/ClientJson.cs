using System.Text.Json.Serialization;
using ImageIO.Client.Copying;
using ImageIO.Client.Transport;

namespace ImageIO.Client;

/// <summary>Types that are read and written as JSON, without reflection.</summary>
[JsonSerializable(typeof(ServerFeatures))]
[JsonSerializable(typeof(ExtentEntry))]
[JsonSerializable(typeof(ChecksumEntry))]
[JsonSerializable(typeof(ResumeState))]
internal sealed partial class ClientJson : JsonSerializerContext;
