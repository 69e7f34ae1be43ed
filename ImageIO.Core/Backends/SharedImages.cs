using ImageIO.Core.Buffers;

namespace ImageIO.Core.Backends;

/// <summary>
/// The open images, and those whose tickets must still learn of a failed flush. An image is forgotten when it is closed
/// and has nothing to remember, or when the last ticket for it is removed. Thread-safe.
/// </summary>
/// <remarks>
/// A ticket leads to an image by its URL, opened or not. Two URLs of one image are known as such once both were opened,
/// because a path has many spellings, and links.
/// </remarks>
/// <param name="threads">The queue for storage threads.</param>
internal sealed class SharedImages(StorageQueue threads)
{
    // Most ranges that all images together remember, some 60 bytes each. They are divided among the sets of
    // FlushMemory: two for each image and one for each handle, but each has at least FewestRanges.
    private const int AllRanges = 65536;
    private const int MostRanges = 4096;
    private const int FewestRanges = 256;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _images = new(StringComparer.Ordinal);

    // On all of them.
    private int _handles;

    // The buffers that each storage has. An entry goes with the storage's last image, because each image may have an
    // NBD server of its own.
    private readonly Dictionary<string, Storage> _storages = new(StringComparer.Ordinal);

    // Only URLs of tickets.
    private readonly Dictionary<string, Source> _sources = new(StringComparer.Ordinal);

    /// <summary>How many storages have an image.</summary>
    public int Storages
    {
        get
        {
            lock (_lock)
            {
                return _storages.Count;
            }
        }
    }

    /// <summary>A ticket with this URL was installed.</summary>
    public void TicketAdded(ImageUrl url)
    {
        lock (_lock)
        {
            if (!_sources.TryGetValue(url.Text, out Source? source))
            {
                _sources[url.Text] = source = new Source();
            }

            source.Tickets++;
        }
    }

    /// <summary>Notes that a ticket with this URL was removed. Called once for each that was added.</summary>
    public void TicketRemoved(ImageUrl url)
    {
        lock (_lock)
        {
            Source source = _sources[url.Text];
            if (--source.Tickets > 0)
            {
                return;
            }

            _sources.Remove(url.Text);
            foreach (Entry entry in source.Images)
            {
                entry.Sources.Remove(source);
                ForgetIfOver(entry);
            }
        }
    }

    /// <summary>Notes that a handle was opened.</summary>
    /// <param name="name">The backend's name, and the image's identity in it.</param>
    /// <param name="storage">Name of its storage. Images of one storage share a part of the buffers.</param>
    /// <param name="url">The URL that led to it.</param>
    public SharedImage Opened(string name, string storage, ImageUrl url)
    {
        lock (_lock)
        {
            if (!_images.TryGetValue(name, out Entry? entry))
            {
                Storage itsStorage = StorageOf(storage);
                itsStorage.Images++;
                entry = new Entry(name, new SharedImage(threads, itsStorage.Buffers, RangesOfOne), itsStorage);
                _images[name] = entry;
            }

            entry.Handles++;
            _handles++;
            if (_sources.TryGetValue(url.Text, out Source? source))
            {
                source.Images.Add(entry);
                entry.Sources.Add(source);
            }

            return entry.Image;
        }
    }

    /// <summary>Notes that a handle was closed.</summary>
    public void Closed(string name)
    {
        lock (_lock)
        {
            Entry entry = _images[name];
            entry.Handles--;
            _handles--;
            ForgetIfOver(entry);
        }
    }

    private void ForgetIfOver(Entry entry)
    {
        if (entry.Handles == 0 && (entry.Sources.Count == 0 || entry.Image.Flushes.IsEmpty))
        {
            _images.Remove(entry.Name);
            if (--entry.Storage.Images == 0)
            {
                _storages.Remove(entry.Storage.Name);
            }

            foreach (Source source in entry.Sources)
            {
                source.Images.Remove(entry);
            }
        }
    }

    private Storage StorageOf(string name)
    {
        if (!_storages.TryGetValue(name, out Storage? storage))
        {
            _storages[name] = storage = new Storage(name);
        }

        return storage;
    }

    // Read without the lock: a slightly old count is as good.
    private int RangesOfOne() =>
        Math.Clamp(AllRanges / Math.Max((2 * _images.Count) + _handles, 1), FewestRanges, MostRanges);

    private sealed class Storage(string name)
    {
        public string Name => name;

        public BufferShare Buffers { get; } = new(null);

        public int Images { get; set; }
    }

    private sealed class Entry(string name, SharedImage image, Storage storage)
    {
        public string Name => name;

        public SharedImage Image => image;

        public Storage Storage => storage;

        public int Handles { get; set; }

        public HashSet<Source> Sources { get; } = [];
    }

    private sealed class Source
    {
        public int Tickets { get; set; }

        public HashSet<Entry> Images { get; } = [];
    }
}
