using ImageIO.Transport.Tls;

namespace ImageIO.Fuzz.Targets;

/// <summary>A client's steps on a TLS connection, and the check of the server's behaviour.</summary>
/// <param name="pair">The two, after their handshake.</param>
/// <param name="longestData">Most bytes that the client writes in all.</param>
internal sealed class TlsRecordRun(TlsPair pair, int longestData)
{
    // One more than there can be.
    private readonly byte[] _received = new byte[longestData + 1];
    private int _written;
    private int _read;
    private Task<int>? _reading;
    private Task? _writing;
    private bool _hasFailed;

    public void Step(byte what, byte howMuch, ReadOnlySpan<byte> rest)
    {
        switch (what % 8)
        {
            case 0:
                Write(howMuch * 97);
                Deliver(rest: []);
                break;
            case 1:
                // With or without a request for the server's new keys.
                _ = TlsTarget.UpdateKeys(pair.Client, howMuch % 2);
                LibSsl.ClearErrors();
                _ = LibSsl.Handshake(pair.Client);
                Deliver(rest: []);
                break;
            case 2:
                // Bytes that were not encrypted.
                pair.ToServer(rest[..Math.Min(howMuch, rest.Length)]);
                break;
            case 3:
                Write(howMuch);
                Deliver(rest);
                break;
            case 4:
                LibSsl.ClearErrors();
                _ = LibSsl.Shutdown(pair.Client);
                Deliver(rest: []);
                break;
            case 5:
                _writing ??= pair.WriteAsync(new byte[howMuch * 509]);
                break;
            case 6:
                pair.ToClient();
                Drain();
                break;
            default:
                Read(howMuch * 31);
                break;
        }

        Settle();
    }

    public void Finish()
    {
        Deliver(rest: []);
        pair.EndClient();
        // Each reads at least one record, up to the end or a failure.
        for (int i = 0; i < longestData && !_hasFailed; i++)
        {
            int before = _read;
            Read(longestData);
            // A read that met new keys may have to answer with its own, and the client must make room for that.
            for (int round = 0; round < 10 && _reading is { IsCompleted: false }; round++)
            {
                pair.ToClient();
            }

            Settle();
            FuzzTarget.MustHold(_reading is null, "a read ends when the client has gone");
            if (_read == before)
            {
                break;
            }
        }

        FuzzTarget.MustHold(_hasFailed || pair.HasLeft, "a client that has gone is known to have left");
        pair.Server.Abort(new IOException("over"));
    }

    // The client's text, in which every byte depends on its position.
    private static byte ByteAt(int position) => (byte)((position * 31) ^ (position >> 8));

    private unsafe void Write(int length)
    {
        byte[] data = new byte[Math.Min(length, longestData - _written)];
        for (int i = 0; i < data.Length; i++)
        {
            data[i] = ByteAt(_written + i);
        }

        fixed (byte* start = data)
        {
            nuint count = 0;
            LibSsl.ClearErrors();
            if (data.Length > 0 && LibSsl.Write(pair.Client, start, (nuint)data.Length, &count) == 1)
            {
                _written += (int)count;
            }
        }
    }

    // The client's bytes, some of them changed.
    private void Deliver(ReadOnlySpan<byte> rest)
    {
        Span<byte> bytes = pair.TakeFromClient().ToArray();
        if (rest.Length >= 2 && bytes.Length > 0)
        {
            int at = rest[0] % bytes.Length;
            bytes[at] ^= rest[1];
        }

        pair.ToServer(bytes);
    }

    private void Read(int length)
    {
        int most = Math.Min(length, _received.Length - _read);
        _reading ??= pair.ReadAsync(_received.AsMemory(_read, most));
    }

    private unsafe void Drain()
    {
        byte* buffer = stackalloc byte[1024];
        nuint count;
        LibSsl.ClearErrors();
        while (LibSsl.Read(pair.Client, buffer, 1024, &count) == 1)
        {
        }

        LibSsl.ClearErrors();
    }

    private void Settle()
    {
        if (_reading is { IsCompleted: true })
        {
            if (_reading.IsFaulted)
            {
                FuzzTarget.MustHold(
                    _reading.Exception.InnerException is IOException, "what breaks a connection is told as that");
                _hasFailed = true;
            }
            else
            {
                int start = _read;
                // It has completed, as checked above.
                _read += _reading.GetAwaiter().GetResult();
                FuzzTarget.MustHold(_read <= _written, "nothing comes that was not sent");
                for (int i = start; i < _read; i++)
                {
                    FuzzTarget.MustHold(_received[i] == ByteAt(i), "what comes is what was sent");
                }
            }

            _reading = null;
        }

        if (_writing is { IsCompleted: true })
        {
            FuzzTarget.MustHold(
                !_writing.IsFaulted
                    || _writing.Exception.InnerException is IOException, "what breaks a connection is told as that");
            _writing = null;
        }
    }
}
