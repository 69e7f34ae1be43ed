namespace ImageIO.Core.Tickets;

/// <summary>What a ticket needs to know of an operation that runs under it: how far it is, and how to stop it.</summary>
public interface IOperation
{
    /// <summary>First image byte it works on.</summary>
    long Offset { get; }

    /// <summary>
    /// Bytes from <see cref="Offset"/> on that are done; grows while it runs and can be read at any moment.
    /// </summary>
    long Done { get; }

    /// <summary>How long it has waited for the storage, apart from waiting for its client. Zero: not measured.</summary>
    TimeSpan StorageWait => TimeSpan.Zero;

    /// <summary>Whether its end begins the idle time of the ticket anew (daemon-api section 3).</summary>
    bool IsUse => true;

    /// <summary>Runs it to its end. Called once.</summary>
    /// <param name="cancellationToken">The client's: set when it has gone.</param>
    Task RunAsync(CancellationToken cancellationToken);

    /// <summary>Asks it to stop after the buffer or step at hand. May be called at any time, and more than once.</summary>
    void Cancel();
}
