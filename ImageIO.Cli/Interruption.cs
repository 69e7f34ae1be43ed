using System.Runtime.InteropServices;

namespace ImageIO.CommandLine;

/// <summary>SIGINT and SIGTERM: the first one ends the command in order, the second one ends the process.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interruption() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Take(context, number: 2)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Take(context, number: 15)),
    ];

    public CancellationToken Token => _source.Token;

    /// <summary>Number of the received signal; 0: none.</summary>
    public int Signal { get; private set; }

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _source.Dispose();
    }

    private void Take(PosixSignalContext context, int number)
    {
        if (Signal != 0)
        {
            // The default: the process ends at once.
            return;
        }

        Signal = number;
        context.Cancel = true;
        _source.Cancel();
    }
}
