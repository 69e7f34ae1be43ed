using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Ends a connection whose client may still be sending. After an immediate close the kernel would answer further bytes
/// with a reset, which destroys an answer that the client has not read yet (RFC 9112 section 9.6). So only the sending
/// side is closed, and the client's bytes are discarded for a limited time.
/// </summary>
internal static class LingeringClose
{
    // nginx's lingering_timeout and lingering_time: longest time without bytes, and in all.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Ends a connection whose answer is in the socket.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="input">The client's bytes.</param>
    /// <param name="gone">Set when the client has gone.</param>
    /// <returns>Whether the client ended it. If not, it may be cut.</returns>
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
            // The client left, or sent a wrong body.
            return true;
        }
        catch (InvalidOperationException)
        {
            // A failed request has left a read of the body running, which ends with the connection.
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Runs a connection, and lets it linger if the server itself refused a request.</summary>
    public static async Task RunAsync(ConnectionContext context, ConnectionDelegate next)
    {
        await next(context);
        if (context.Features.Get<ClientConnection>() is { IsRefused: true } connection)
        {
            await RunAsync(connection, context.Transport.Input, context.ConnectionClosed);
        }
    }
}
