using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageIO.Transport.Sockets;

namespace ImageIO.Transport.Tls;

/// <summary>
/// Where OpenSSL puts what it encrypts: four records are gathered, then given to the socket at once. By itself it makes
/// a system call, and on the way a packet and a wake-up of the receiver, for each of 16 KiB. And as there is room for
/// whatever it writes, OpenSSL never stops in the middle of a record.
/// </summary>
/// <remarks>
/// A BIO of our own (BIO_meth_new(3)), whose state is native memory that lives as long as the SSL object. Its memory is
/// borrowed from the first byte until the last is sent, so a connection that sends nothing holds none. Not thread-safe:
/// called under the stream's lock, by OpenSSL too.
/// </remarks>
internal sealed unsafe class TlsOutput
{
    /// <summary>Bytes that may be encrypted when nothing waits: four records of 16 KiB.</summary>
    internal const int MostPayload = 4 * LargestRecord;

    private const int LargestRecord = 16384;

    // What TLS 1.2 may add to a record, RFC 5246 section 6.2.3, with its head; TLS 1.3 adds less.
    private const int RecordOverhead = 2048 + 5;

    // Beside them: answers to new keys, and alerts.
    private const int Capacity = (4 * (LargestRecord + RecordOverhead)) + 4096;

    // Buffers kept for the next write; as many as blocks of the HTTP server.
    private const int MostKept = 64;

    private static readonly ConcurrentQueue<nint> Kept = new();
    private static readonly nint Method = CreateMethod();
    private static int _keptCount;
    private static int _borrowed;

    private readonly State* _state;

    private TlsOutput(State* state) => _state = state;

    /// <summary>Buffers that hold bytes on their way.</summary>
    internal static int Borrowed => _borrowed;

    /// <summary>Bytes that wait for the socket.</summary>
    internal int Waiting => _state->Length - _state->Sent;

    /// <summary>Takes what this object encrypts from now on. Valid as long as it is.</summary>
    /// <exception cref="IOException">OpenSSL has no memory for it.</exception>
    internal static TlsOutput Attach(SslHandle ssl)
    {
        nint bio = LibSsl.BioNew(Method);
        if (bio == 0)
        {
            throw new IOException($"BIO_new failed: {OpenSslLibrary.TakeErrors()}");
        }

        State* state = (State*)NativeMemory.AllocZeroed((nuint)sizeof(State));
        LibSsl.BioSetData(bio, (nint)state);
        // Owned by the SSL object from now on.
        LibSsl.SetOutput(ssl, bio);
        return new TlsOutput(state);
    }

    /// <summary>Gives the socket what it takes.</summary>
    /// <returns>0: nothing waits any more. EAGAIN: it is full. Else why it failed (errno(3)).</returns>
    internal int SendTo(SafeHandle socket)
    {
        while (_state->Sent < _state->Length)
        {
            nint sent = LibC.Send(
                socket,
                _state->Buffer + _state->Sent,
                (nuint)(_state->Length - _state->Sent),
                LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL);
            if (sent >= 0)
            {
                _state->Sent += (int)sent;
            }
            else if (Marshal.GetLastPInvokeError() is var error && error != LibC.EINTR)
            {
                return error;
            }
        }

        GiveBack(_state);
        return 0;
    }

    private static nint CreateMethod()
    {
        nint method = LibSsl.BioMethodNew(LibSsl.BioNewIndex() | LibSsl.BIO_TYPE_SOURCE_SINK, "imageio output");
        _ = LibSsl.BioMethodSetWrite(method, &Write);
        _ = LibSsl.BioMethodSetControl(method, &Control);
        _ = LibSsl.BioMethodSetDestroy(method, &Destroy);
        return method;
    }

    // BIO_write(3): all or nothing. Nothing only if a peer that takes no byte makes us answer a hundred times.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Write(nint bio, byte* bytes, int length)
    {
        State* state = (State*)LibSsl.BioGetData(bio);
        LibSsl.BioClearFlags(bio, LibSsl.BIO_FLAGS_RWS | LibSsl.BIO_FLAGS_SHOULD_RETRY);
        if (length <= 0 || length > Capacity - state->Length)
        {
            LibSsl.BioSetFlags(bio, LibSsl.BIO_FLAGS_WRITE | LibSsl.BIO_FLAGS_SHOULD_RETRY);
            return -1;
        }

        if (state->Buffer is null)
        {
            state->Buffer = Borrow();
        }

        Unsafe.CopyBlockUnaligned(state->Buffer + state->Length, bytes, (uint)length);
        state->Length += length;
        return length;
    }

    // BIO_ctrl(3): a flush succeeds, as SendTo is called after every call that may write. Nothing else is known here.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Control(nint bio, int command, nint number, nint pointer) =>
        command == LibSsl.BIO_CTRL_FLUSH ? 1 : 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Destroy(nint bio)
    {
        State* state = (State*)LibSsl.BioGetData(bio);
        if (state is not null)
        {
            GiveBack(state);
            NativeMemory.Free(state);
        }

        return 1;
    }

    private static byte* Borrow()
    {
        Interlocked.Increment(ref _borrowed);
        if (Kept.TryDequeue(out nint kept))
        {
            Interlocked.Decrement(ref _keptCount);
            return (byte*)kept;
        }

        return (byte*)NativeMemory.Alloc(Capacity);
    }

    private static void GiveBack(State* state)
    {
        byte* buffer = state->Buffer;
        *state = default;
        if (buffer is null)
        {
            return;
        }

        Interlocked.Decrement(ref _borrowed);
        if (Interlocked.Increment(ref _keptCount) <= MostKept)
        {
            Kept.Enqueue((nint)buffer);
        }
        else
        {
            Interlocked.Decrement(ref _keptCount);
            NativeMemory.Free(buffer);
        }
    }

    private struct State
    {
        public byte* Buffer;
        public int Length;
        public int Sent;
    }
}
