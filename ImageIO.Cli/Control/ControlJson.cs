using System.Text.Json.Serialization;

namespace ImageIO.CommandLine.Control;

/// <summary>Types that are read and written as JSON, without reflection.</summary>
[JsonSerializable(typeof(TicketView))]
[JsonSerializable(typeof(List<TicketView>))]
[JsonSerializable(typeof(NewTicket))]
internal sealed partial class ControlJson : JsonSerializerContext;
