using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Ends a connection whose client may still be sending. Closed at once, the kernel would answer what still comes with a
/// reset, and a reset destroys the answer that the client has not read yet (RFC 9112 section 9.6). So the client is
/// told that nothing more comes, and what it sends is thrown away until it closes too, or for too long.
/// </summary>
internal static class LingeringClose
{
    // nginx's lingering_timeout and lingering_time: how long nothing may come, and how long something may.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Ends it; the answer has been given to the socket.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="input">What the client sends.</param>
    /// <param name="gone">Set when the client has gone.</param>
    /// <returns>Whether the client ended it; if not, it may be cut.</returns>
    public static async Task<bool> RunAsync(ClientConnection connection, PipeReader input, CancellationToken gone)
    {
        TimeProvider time = connection.Time;
        connection.EndOutput();
        long start = time.GetTimestamp();
        using var silence = new CancellationTokenSource(LongestSilence, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, gone);
        try
        {
            while (time.GetElapsedTime(start) < Longest)
            {
                ReadResult read = await input.ReadAsync(stop.Token);
                input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return true;
                }

                silence.CancelAfter(LongestSilence);
            }

            return false;
        }
        catch (IOException)
        {
            // The client left, or broke what it promised about a body.
            return true;
        }
        catch (InvalidOperationException)
        {
            // Whoever failed has left a read of the body running: it ends with the connection, which the server closes.
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Runs a connection; if the server itself refused a request on it, lets it linger.</summary>
    public static async Task RunAsync(ConnectionContext context, ConnectionDelegate next)
    {
        await next(context);
        if (context.Features.Get<ClientConnection>() is { IsRefused: true } connection)
        {
            await RunAsync(connection, context.Transport.Input, context.ConnectionClosed);
        }
    }
}
