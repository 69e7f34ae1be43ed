using ImageIO.Core.Backends;

namespace ImageIO.Tests.Support;

/// <summary>Opens images in memory for the scheme <c>memory</c>; counts, and can hold up or fail an opening.</summary>
internal sealed class MemoryFactory(string name = "memory") : IBackendFactory
{
    private readonly Lock _lock = new();
    private readonly List<MemoryBackend> _opened = [];

    public string Name => name;

    public IReadOnlyCollection<string> Schemes { get; init; } = ["memory"];

    public string? Unavailable { get; init; }

    /// <summary>Why it refuses every URL, if it does.</summary>
    public string? RefusalOfAll { get; init; }

    public bool AcceptsAll { get; init; } = true;

    /// <summary>Holds an opening. Null: it runs.</summary>
    public Held? Opening { get; set; }

    /// <summary>Holds the closing of an image. Null: it runs.</summary>
    public Held? Closing { get; set; }

    /// <summary>How the next opening fails, if it does.</summary>
    public Core.Errors.TransferException? Failure { get; set; }

    public ImageAccess LastAccess { get; private set; }

    /// <summary>Every image opened so far.</summary>
    public IReadOnlyList<MemoryBackend> Opened
    {
        get
        {
            lock (_lock)
            {
                return [.. _opened];
            }
        }
    }

    /// <summary>Looks and openings that came on a thread that is not for storage.</summary>
    public int CallsOnOtherThreads { get; private set; }

    public string? Refusal(ImageUrl url) => RefusalOfAll;

    public bool Accepts(ImageUrl url)
    {
        NoteThread();
        return AcceptsAll;
    }

    public async ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken)
    {
        NoteThread();
        if (Opening is not null)
        {
            await Opening.StandAsync();
        }

        if (Failure is { } failure)
        {
            Failure = null;
            throw failure;
        }

        LastAccess = access;
        var backend = new MemoryBackend(512, new byte[10_000]);
        lock (_lock)
        {
            _opened.Add(backend);
        }

        return Closing is null ? backend : new FaultyBackend(backend) { Closing = Closing };
    }

    private void NoteThread() => CallsOnOtherThreads +=
        TestThreads.IsOne ? 0 : 1;
}
