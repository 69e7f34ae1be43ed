using System.Diagnostics.CodeAnalysis;
using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Transmission;

internal sealed partial class NbdConnection
{
    // Heads and small payloads are sent together. A copy of 8 KiB costs less than a system call.
    private const int GatherSize = 16 * 1024;
    private const int SmallPayload = 8 * 1024;

    private static readonly TimeSpan DisconnectTimeout = TimeSpan.FromSeconds(1);

    // Used by the sender only.
    private readonly byte[] _gathered = new byte[GatherSize];
    private int _gatheredCount;

    // Guarded by the lock.
    private readonly Queue<(ulong Cookie, NbdRequest Request)> _toSend = new();
    private TaskCompletionSource? _senderEnded;
    private bool _isSending;

    /// <summary>
    /// Sends a request, behind those that are being sent. False: the connection is broken or closing, nothing was done.
    /// </summary>
    public bool TrySend(NbdRequest request)
    {
        lock (_lock)
        {
            if (_isClosed || _isClosing)
            {
                return false;
            }

            ulong cookie = ++_lastCookie;
            if (request.Command == Command.Disconnect)
            {
                _isClosing = true;
            }
            else
            {
                NoteInFlight(cookie, request);
            }

            _toSend.Enqueue((cookie, request));
            if (_isSending)
            {
                return true;
            }

            _isSending = true;
        }

        // The caller's thread sends. If the socket is full, the rest is sent later.
        _ = SendAllAsync();
        return true;
    }

    private void NoteInFlight(ulong cookie, NbdRequest request)
    {
        if (_inFlight.Count == 0)
        {
            _busySince = _time.GetTimestamp();
        }

        if (request.Command == Command.Flush)
        {
            request.CoveredWrites = Volatile.Read(ref _writes);
        }

        _inFlight.Add(cookie, request);
    }

    // Ends when the queue is empty. Never fails: the connection breaks instead, which fails the requests.
    private async Task SendAllAsync()
    {
        try
        {
            do
            {
                while (TryDequeue(out ulong cookie, out NbdRequest? request))
                {
                    await SendAsync(cookie, request);
                }

                await SendGatheredAsync();
            }
            while (!TryEndSending());
        }
        catch (Exception e)
        {
            Break(e);
            EndSending();
        }
    }

    private async ValueTask SendAsync(ulong cookie, NbdRequest request)
    {
        if (_gatheredCount + RequestHeader.Size + SmallPayload > GatherSize)
        {
            await SendGatheredAsync();
        }

        request.HeaderWith(cookie).WriteTo(_gathered.AsSpan(_gatheredCount));
        _gatheredCount += RequestHeader.Size;
        if (request.Payload.Length <= SmallPayload)
        {
            request.Payload.CopyTo(_gathered.AsMemory(_gatheredCount));
            _gatheredCount += request.Payload.Length;
        }
        else
        {
            await SendGatheredAsync();
            await _stream.WriteAsync(request.Payload);
        }

        FinishPart(cookie, request);
    }

    private async ValueTask SendGatheredAsync()
    {
        if (_gatheredCount > 0)
        {
            await _stream.WriteAsync(_gathered.AsMemory(0, _gatheredCount));
            _gatheredCount = 0;
        }
    }

    private bool TryDequeue(out ulong cookie, [NotNullWhen(true)] out NbdRequest? request)
    {
        lock (_lock)
        {
            bool hasMore = _toSend.TryDequeue(out (ulong Cookie, NbdRequest Request) next) && !_isClosed;
            (cookie, request) = hasMore ? next : (0, null);
            return hasMore;
        }
    }

    private bool TryEndSending()
    {
        lock (_lock)
        {
            if (_toSend.Count > 0 && !_isClosed)
            {
                return false;
            }

            EndSending();
            return true;
        }
    }

    private void EndSending()
    {
        lock (_lock)
        {
            _isSending = false;
            _senderEnded?.TrySetResult();
            _senderEnded = null;
        }
    }

    // After the connection was closed no sender starts.
    private Task SenderEndsAsync()
    {
        lock (_lock)
        {
            if (!_isSending)
            {
                return Task.CompletedTask;
            }

            _senderEnded ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _senderEnded.Task;
        }
    }
}
