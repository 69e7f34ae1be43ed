using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>
/// A request and the result of its reply. This type is for replies without data: write, zero, flush.
/// </summary>
internal class NbdRequest(Command command, long offset, uint length, CommandFlags flags = CommandFlags.None)
{
    // The caller goes on at once, on the thread that received the reply: a change of threads costs more than a whole
    // request of 4 KiB. It must not block there; the next reply is received when it waits again.
    private readonly TaskCompletionSource _completion = new();

    private string _errorText = "";

    // 2: the reply has to arrive, and the payload has to be sent. A server may answer before it was, and the memory is
    // the caller's again only after both.
    private int _missing = 2;

    /// <summary>The command.</summary>
    public Command Command { get; } = command;

    /// <summary>First byte.</summary>
    public long Offset { get; } = offset;

    /// <summary>Bytes.</summary>
    public uint Length { get; } = length;

    /// <summary>The bytes to write, in the caller's memory, which must not change before the request is
    /// complete.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>The first error in the reply.</summary>
    public NbdError Error { get; private set; }

    /// <summary>Whether its reply has arrived. Used by the receive loop only.</summary>
    public bool IsReplied { get; set; }

    /// <summary>For a flush: the number of writes on its connection that it covers.</summary>
    public long CoveredWrites { get; set; }

    /// <summary>Completes when the reply has arrived, or fails when the connection has broken.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Whether it changes the stored data.</summary>
    public bool IsChange => Command is Command.Write or Command.WriteZeroes;

    /// <summary>Its header.</summary>
    public RequestHeader HeaderWith(ulong cookie) => new(flags, Command, cookie, Offset, Length);

    /// <summary>Records an error. The first one counts.</summary>
    public void NoteError(NbdError error, string text)
    {
        if (Error == NbdError.None)
        {
            (Error, _errorText) = (error, text);
        }
    }

    /// <summary>Reads the data of a simple reply, if there is any.</summary>
    public virtual ValueTask ReadSimpleAsync(WireReader reader) => ValueTask.CompletedTask;

    /// <summary>Reads a chunk of data.</summary>
    /// <exception cref="NbdException">The protocol forbids it here.</exception>
    public virtual ValueTask ReadDataAsync(WireReader reader, uint length) => throw Unexpected(ChunkType.Data);

    /// <summary>Reads a chunk that describes zeroes.</summary>
    /// <exception cref="NbdException">The protocol forbids it here.</exception>
    public virtual ValueTask ReadHoleAsync(WireReader reader, uint length) => throw Unexpected(ChunkType.Hole);

    /// <summary>Reads a chunk of extents.</summary>
    /// <exception cref="NbdException">The protocol forbids it here.</exception>
    public virtual ValueTask ReadStatusAsync(WireReader reader, uint length, MetaContexts contexts) =>
        throw Unexpected(ChunkType.BlockStatus);

    /// <summary>Throws if a reply without an error is incomplete.</summary>
    /// <exception cref="NbdException">A part is missing.</exception>
    public virtual void RequireWhole(MetaContexts contexts)
    {
    }

    /// <summary>Records that the reply has arrived, or that the request is sent. True if both are done.</summary>
    public bool FinishPart() => Interlocked.Decrement(ref _missing) == 0;

    /// <summary>Completes the request with the result in its reply.</summary>
    /// <param name="server">The server, for messages.</param>
    public void Complete(string server)
    {
        if (Error == NbdError.None)
        {
            _completion.SetResult();
        }
        else
        {
            _completion.SetException(Failure(server));
        }
    }

    /// <summary>Fails the request: its reply will not arrive, and none of it is being sent.</summary>
    public void Fail(TransferException failure) => _completion.SetException(failure);

    /// <summary>The request, for messages.</summary>
    public override string ToString() => Length == 0 ? $"{Command}" : $"{Command} of {Length} bytes at {Offset}";

    /// <summary>The failure of a chunk that the protocol forbids in the reply to this request.</summary>
    protected NbdException Unexpected(ChunkType type) =>
        NbdException.Protocol($"a chunk of type {(int)type} in the reply to {this}");

    private TransferException Failure(string server)
    {
        string name = Enum.IsDefined(Error) ? $"{Error}" : $"error {(uint)Error}";
        return new TransferException(
            Error == NbdError.ENOSPC ? TransferError.StorageFull : TransferError.StorageFailed,
            _errorText.Length > 0
                ? $"{server}: {this} failed: {name}, \"{_errorText}\""
                : $"{server}: {this} failed: {name}");
    }
}
