using ImageIO.Core.Errors;

namespace ImageIO.Http.Messages;

/// <summary>
/// Bounds the memory of request bodies that are gathered before they are used: tickets and PATCH. Each request has a small
/// buffer of its own, in which every ordinary body fits; what is larger comes from here.
/// </summary>
/// <param name="most">Bytes, of all requests together.</param>
public sealed class MessageBudget(int most = MessageBudget.Most)
{
    /// <summary>Bytes that a request may gather by itself: a hundred times an ordinary body.</summary>
    internal const int OwnBytes = 16 * 1024;

    /// <summary>Bytes for all larger bodies together: eight of the largest at once. Part of the ceiling in docs/configuration.md.</summary>
    internal const int Most = 8 * RequestBody.LargestMessage;

    private long _taken;

    /// <summary>Bytes that are taken.</summary>
    internal long Taken => Interlocked.Read(ref _taken);

    /// <summary>Takes some bytes.</summary>
    /// <returns>What gives them back when it is disposed.</returns>
    /// <exception cref="TransferException"><see cref="TransferError.Overloaded"/>: others have them.</exception>
    internal IDisposable Take(int bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) <= most)
        {
            return new Share(this, bytes);
        }

        Interlocked.Add(ref _taken, -bytes);
        throw new TransferException(
            TransferError.Overloaded, $"Too many request bodies of more than {OwnBytes} bytes are under way, try again later");
    }

    private sealed class Share(MessageBudget budget, int bytes) : IDisposable
    {
        private int _bytes = bytes;

        public void Dispose() => Interlocked.Add(ref budget._taken, -Interlocked.Exchange(ref _bytes, 0));
    }
}
