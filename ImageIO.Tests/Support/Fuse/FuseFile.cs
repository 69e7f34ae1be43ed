namespace ImageIO.Tests.Support.Fuse;

/// <summary>
/// A file of <see cref="FuseStorage"/>: what its users see, and what a power cut leaves of it. Both are the same unless
/// the storage is volatile.
/// </summary>
internal sealed class FuseFile(string name, string path, byte[] content)
{
    private readonly Lock _lock = new();
    private readonly SparseBytes _seen = Filled(content);
    private readonly SparseBytes _medium = Filled(content);

    /// <summary>Its name in the directory.</summary>
    public string Name => name;

    /// <summary>Where it is.</summary>
    public string Path => path;

    /// <summary>The present content.</summary>
    public byte[] Content => BytesOf(_seen);

    /// <summary>The content after a loss of power. Meaningful on volatile storage only.</summary>
    public byte[] OnMedium => BytesOf(_medium);

    /// <summary>Bytes that everybody sees now.</summary>
    public long Size
    {
        get
        {
            lock (_lock)
            {
                return _seen.Size;
            }
        }
    }

    internal byte[] Read(long offset, long length)
    {
        lock (_lock)
        {
            byte[] bytes = new byte[Math.Clamp(_seen.Size - offset, 0, length)];
            _seen.Read(bytes, offset);
            return bytes;
        }
    }

    internal void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        lock (_lock)
        {
            _seen.Write(bytes, offset);
        }
    }

    internal void SetSize(long size)
    {
        lock (_lock)
        {
            _seen.SetSize(size);
        }
    }

    internal void Allocate(long offset, long length, bool keepSize, bool zero)
    {
        lock (_lock)
        {
            if (!keepSize && offset + length > _seen.Size)
            {
                _seen.SetSize(offset + length);
            }

            if (zero)
            {
                _seen.Zero(offset, length);
            }
        }
    }

    internal long Find(long offset, bool data)
    {
        lock (_lock)
        {
            return offset < _seen.Size ? _seen.Find(offset, data) : -1;
        }
    }

    /// <summary>A flush that succeeded: all of it is on the medium.</summary>
    internal void Keep()
    {
        lock (_lock)
        {
            _medium.SetSize(_seen.Size);
            _medium.CopyBytesFrom(_seen);
        }
    }

    /// <summary>
    /// A flush that failed: what was not on the medium is gone, as pages are that the kernel gave up.
    /// </summary>
    internal void Drop()
    {
        lock (_lock)
        {
            long size = _seen.Size;
            _seen.SetSize(_medium.Size);
            _seen.CopyBytesFrom(_medium);
            _seen.SetSize(size);
        }
    }

    /// <summary>The power failed: what was not on the medium is gone, and so is the size.</summary>
    internal void CutPower()
    {
        lock (_lock)
        {
            _seen.SetSize(_medium.Size);
            _seen.CopyBytesFrom(_medium);
        }
    }

    private static SparseBytes Filled(byte[] content)
    {
        var bytes = new SparseBytes();
        bytes.Write(content, 0);
        return bytes;
    }

    private byte[] BytesOf(SparseBytes bytes)
    {
        lock (_lock)
        {
            byte[] all = new byte[bytes.Size];
            bytes.Read(all, 0);
            return all;
        }
    }
}
