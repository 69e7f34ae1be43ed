namespace ImageIO.Core.Tickets;

/// <summary>The part of an operation that its ticket needs: its progress, and a way to stop it.</summary>
public interface IOperation
{
    /// <summary>First image byte of the operation.</summary>
    long Offset { get; }

    /// <summary>Bytes from <see cref="Offset"/> on that are done. Grows while it runs; can be read at any
    /// time.</summary>
    long Done { get; }

    /// <summary>Time spent waiting for the storage, without waiting for the client. Zero: not measured.</summary>
    TimeSpan StorageWait => TimeSpan.Zero;

    /// <summary>Whether its end restarts the ticket's idle time (daemon-api section 3).</summary>
    bool IsUse => true;

    /// <summary>Runs the operation. Called once.</summary>
    /// <param name="cancellationToken">Set when the client has disconnected.</param>
    Task RunAsync(CancellationToken cancellationToken);

    /// <summary>Stops it after the current buffer or step. Can be called at any time, and more than once.</summary>
    void Cancel();
}
