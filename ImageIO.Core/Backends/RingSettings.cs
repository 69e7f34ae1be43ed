namespace ImageIO.Core.Backends;

/// <summary>Size and number of an operation's buffers, which it moves with several storage calls at once.</summary>
public sealed record RingSettings
{
    /// <summary>
    /// 1 MiB: larger buffers do not lower the cost per byte, and sixteen transfers still fit in 64 MiB.
    /// </summary>
    public const int DefaultBufferSize = 1024 * 1024;

    /// <summary>4: one buffer at the socket, and enough at the storage to keep a fast device busy.</summary>
    public const int DefaultQueueDepth = 4;

    /// <summary>Creates settings.</summary>
    /// <param name="bufferSize">Bytes of one buffer: 4 KiB to 64 MiB, a multiple of 4096.</param>
    /// <param name="queueDepth">Most buffers that one operation holds: 1 to 64.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value is out of its range.</exception>
    public RingSettings(int bufferSize = DefaultBufferSize, int queueDepth = DefaultQueueDepth)
    {
        if (bufferSize is < 4096 or > 64 * 1024 * 1024 || bufferSize % 4096 != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(bufferSize), bufferSize, "Must be a multiple of 4096 from 4096 to 67108864 (64 MiB).");
        }

        if (queueDepth is < 1 or > 64)
        {
            throw new ArgumentOutOfRangeException(nameof(queueDepth), queueDepth, "Must be from 1 to 64.");
        }

        BufferSize = bufferSize;
        QueueDepth = queueDepth;
    }

    /// <summary>Bytes of one buffer.</summary>
    public int BufferSize { get; }

    /// <summary>Most buffers that one operation holds.</summary>
    public int QueueDepth { get; }
}
