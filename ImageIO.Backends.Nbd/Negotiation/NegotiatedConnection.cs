using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Negotiation;

/// <summary>A connection that is ready for requests.</summary>
/// <param name="Stream">The connection, encrypted or not.</param>
/// <param name="Reader">Reads it.</param>
/// <param name="Export">Properties of the export.</param>
/// <param name="Contexts">The ids of this connection's contexts.</param>
internal sealed record NegotiatedConnection(Stream Stream, WireReader Reader, ExportInfo Export, MetaContexts Contexts);
