using ImageIO.Core.Errors;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Limits the memory for request bodies that are gathered before use: tickets and PATCH. Each request has a small
/// buffer, which fits ordinary bodies. Larger bodies draw on this budget.
/// </summary>
/// <param name="most">Bytes for all requests together.</param>
public sealed class MessageBudget(int most = MessageBudget.Most)
{
    /// <summary>Bytes that a request gathers without the budget: a hundred times an ordinary body.</summary>
    internal const int OwnBytes = 16 * 1024;

    /// <summary>The largest body that is gathered.</summary>
    internal const int LargestBody = 1024 * 1024;

    /// <summary>Bytes for all larger bodies together: eight of the largest. Part of the ceiling in
    /// docs/configuration.md.</summary>
    internal const int Most = 8 * LargestBody;

    private long _taken;

    /// <summary>Bytes in use.</summary>
    internal long Taken => Interlocked.Read(ref _taken);

    /// <summary>Takes some bytes.</summary>
    /// <returns>Gives them back when disposed.</returns>
    /// <exception cref="TransferException"><see cref="TransferError.Overloaded"/>: other requests use them.</exception>
    internal IDisposable Take(int bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) <= most)
        {
            return new Share(this, bytes);
        }

        Interlocked.Add(ref _taken, -bytes);
        throw new TransferException(
            TransferError.Overloaded,
            $"Too many request bodies of more than {OwnBytes} bytes are under way, try again later");
    }

    private sealed class Share(MessageBudget budget, int bytes) : IDisposable
    {
        private int _bytes = bytes;

        public void Dispose() => Interlocked.Add(ref budget._taken, -Interlocked.Exchange(ref _bytes, 0));
    }
}
