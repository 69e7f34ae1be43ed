using System.Text.Json.Serialization;

namespace ImageIO.CommandLine.Control;

/// <summary>What is read and written as JSON, without reflection.</summary>
[JsonSerializable(typeof(TicketView))]
[JsonSerializable(typeof(List<TicketView>))]
[JsonSerializable(typeof(NewTicket))]
internal sealed partial class ControlJson : JsonSerializerContext;
