namespace ImageIO.Http.Hosting;

/// <summary>
/// On which threads the process serves the runtime's own sockets: listening ones, and connections to servers without
/// TLS.
/// </summary>
/// <remarks>
/// By itself the runtime waits for all sockets on one thread and hands each event to the thread pool: a queue, a
/// wake-up and a change of threads for every 64 KiB. Here the thread that learns of bytes also receives, decrypts and
/// parses them; only storage calls leave it, and those move 1 MiB at once. Measured on one pinned core, CPU seconds per
/// GiB: upload over the Unix socket 2.4 before and 1.6 after, over HTTPS 2.3 and 1.5 to 2.3.
/// </remarks>
public static class SocketThreads
{
    // Read by System.Net.Sockets when the first socket of the process is opened; there is no other way to say it.
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";
    private const string ThreadCount = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    // Sockets are dealt out in turn, and two busy ones on one thread would share a core while another idles. One client
    // opens up to eight (max_connections); a thread costs 60 KiB.
    private const int Fewest = 8;

    /// <summary>
    /// Serves sockets where their events arrive. To be called before the process opens its first socket; what the
    /// environment says already is kept.
    /// </summary>
    public static void ServeInline()
    {
        SetDefault(InlineCompletions, "1");
        SetDefault(ThreadCount, $"{Math.Max(Fewest, Environment.ProcessorCount)}");
    }

    private static void SetDefault(string variable, string value)
    {
        if (Environment.GetEnvironmentVariable(variable) is null)
        {
            Environment.SetEnvironmentVariable(variable, value);
        }
    }
}
