using System.IO.Pipelines;

namespace ImageIO.Http.Listeners;

/// <summary>Both directions of a connection, where one of them was replaced.</summary>
internal sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;
