using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Errors;

namespace ImageIO.Backends.Nbd.Transmission;

/// <summary>
/// A request on its way and what its reply brought. This one is for replies without data: write, zero, flush.
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

    /// <summary>What is asked.</summary>
    public Command Command { get; } = command;

    /// <summary>First byte.</summary>
    public long Offset { get; } = offset;

    /// <summary>Bytes.</summary>
    public uint Length { get; } = length;

    /// <summary>The bytes to write; the caller's until the request is complete.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>The first error in the reply.</summary>
    public NbdError Error { get; private set; }

    /// <summary>Whether its reply has arrived; the receive loop's.</summary>
    public bool IsReplied { get; set; }

    /// <summary>Of a flush: the writes that it covers, by the count of its connection.</summary>
    public long CoveredWrites { get; set; }

    /// <summary>Ends when the reply has arrived, or when the connection broke.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Whether its success changes what is stored.</summary>
    public bool IsChange => Command is Command.Write or Command.WriteZeroes;

    /// <summary>The head that goes out.</summary>
    public RequestHeader HeaderWith(ulong cookie) => new(flags, Command, cookie, Offset, Length);

    /// <summary>Notes an error; the first one counts.</summary>
    public void NoteError(NbdError error, string text)
    {
        if (Error == NbdError.None)
        {
            (Error, _errorText) = (error, text);
        }
    }

    /// <summary>Takes the data of a simple reply, if the request has any.</summary>
    public virtual ValueTask ReadSimpleAsync(WireReader reader) => ValueTask.CompletedTask;

    /// <summary>Takes a chunk of data.</summary>
    /// <exception cref="NbdException">The protocol forbids it here.</exception>
    public virtual ValueTask ReadDataAsync(WireReader reader, uint length) => throw Unexpected(ChunkType.Data);

    /// <summary>Takes a chunk that says where zeroes are.</summary>
    /// <exception cref="NbdException">The protocol forbids it here.</exception>
    public virtual ValueTask ReadHoleAsync(WireReader reader, uint length) => throw Unexpected(ChunkType.Hole);

    /// <summary>Takes a chunk of extents.</summary>
    /// <exception cref="NbdException">The protocol forbids it here.</exception>
    public virtual ValueTask ReadStatusAsync(WireReader reader, uint length, MetaContexts contexts) =>
        throw Unexpected(ChunkType.BlockStatus);

    /// <summary>Fails when a reply without an error has ended too early.</summary>
    /// <exception cref="NbdException">Something is missing.</exception>
    public virtual void RequireWhole(MetaContexts contexts)
    {
    }

    /// <summary>Notes that the reply has arrived, or that all of the request is sent. True: now both are so.</summary>
    public bool FinishPart() => Interlocked.Decrement(ref _missing) == 0;

    /// <summary>Ends the request as its reply says.</summary>
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

    /// <summary>The reply will not arrive, and nothing of the request is being sent any more.</summary>
    public void Fail(TransferException failure) => _completion.SetException(failure);

    /// <summary>What the request is, for messages.</summary>
    public override string ToString() => Length == 0 ? $"{Command}" : $"{Command} of {Length} bytes at {Offset}";

    /// <summary>The protocol forbids such a chunk in the reply to this request.</summary>
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
