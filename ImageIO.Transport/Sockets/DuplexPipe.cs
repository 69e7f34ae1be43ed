using System.IO.Pipelines;

namespace ImageIO.Transport.Sockets;

/// <summary>Both directions of a connection, one of them replaced.</summary>
public sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
