using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ImageIO.Transport.Sockets;

namespace ImageIO.Transport.Tls;

/// <summary>
/// Gathers four encrypted records, then passes them to the socket in one system call; OpenSSL by itself makes one for
/// each record of 16 KiB. There is always room for a whole write, so OpenSSL never stops inside a record.
/// </summary>
/// <remarks>
/// A BIO (BIO_meth_new(3)) whose state is native memory that lives as long as the SSL object. A buffer is borrowed from
/// the first byte until the last one is sent, so an idle connection holds none. Not thread-safe: used under the
/// stream's lock, by OpenSSL too.
/// </remarks>
internal sealed unsafe class TlsOutput
{
    /// <summary>Bytes that may be encrypted when the output is empty: four records of 16 KiB.</summary>
    internal const int MostPayload = 4 * LargestRecord;

    private const int LargestRecord = 16384;

    // The most that TLS 1.2 adds to a record (RFC 5246 section 6.2.3), with its header; TLS 1.3 adds less.
    private const int RecordOverhead = 2048 + 5;

    // The last part is for answers to new keys, and for alerts.
    private const int Capacity = (4 * (LargestRecord + RecordOverhead)) + 4096;

    // Buffers kept for the next write; as many as blocks of the HTTP server.
    private const int MostKept = 64;

    private static readonly ConcurrentQueue<nint> Kept = new();
    private static readonly nint Method = CreateMethod();
    private static int _keptCount;
    private static int _borrowed;

    private readonly State* _state;

    private TlsOutput(State* state) => _state = state;

    /// <summary>Buffers in use.</summary>
    internal static int Borrowed => _borrowed;

    /// <summary>Bytes that are not sent yet.</summary>
    internal int Waiting => _state->Length - _state->Sent;

    /// <summary>Receives what this object encrypts from now on. Valid as long as the object.</summary>
    /// <exception cref="IOException">OpenSSL is out of memory.</exception>
    internal static TlsOutput Attach(SslHandle ssl)
    {
        nint bio = LibSsl.BioNew(Method);
        if (bio == 0)
        {
            throw new IOException($"BIO_new failed: {OpenSslLibrary.TakeErrors()}");
        }

        State* state = (State*)NativeMemory.AllocZeroed((nuint)sizeof(State));
        LibSsl.BioSetData(bio, (nint)state);
        // The SSL object owns it from now on.
        LibSsl.SetOutput(ssl, bio);
        return new TlsOutput(state);
    }

    /// <summary>Sends as much as the socket takes.</summary>
    /// <returns>0: all is sent. EAGAIN: the socket is full. Otherwise the error (errno(3)).</returns>
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

    // BIO_ctrl(3): a flush succeeds, because SendTo follows every call that may write. Other commands are unknown.
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
