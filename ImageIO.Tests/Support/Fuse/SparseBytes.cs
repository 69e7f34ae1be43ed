namespace ImageIO.Tests.Support.Fuse;

/// <summary>The bytes of a file in memory, of which only pages that were written take space.</summary>
internal sealed class SparseBytes
{
    private const int PageSize = 64 * 1024;

    private readonly Dictionary<long, byte[]> _pages = [];

    public long Size { get; private set; }

    public void Read(Span<byte> destination, long offset)
    {
        destination.Clear();
        for (int done = 0; done < destination.Length;)
        {
            (long page, int inPage) = Place(offset + done);
            int count = Math.Min(PageSize - inPage, destination.Length - done);
            if (_pages.TryGetValue(page, out byte[]? stored))
            {
                stored.AsSpan(inPage, count).CopyTo(destination[done..]);
            }

            done += count;
        }
    }

    /// <summary>Writes, and makes the file larger where that ends past it.</summary>
    public void Write(ReadOnlySpan<byte> source, long offset)
    {
        for (int done = 0; done < source.Length;)
        {
            (long page, int inPage) = Place(offset + done);
            int count = Math.Min(PageSize - inPage, source.Length - done);
            if (!_pages.TryGetValue(page, out byte[]? stored))
            {
                _pages[page] = stored = new byte[PageSize];
            }

            source.Slice(done, count).CopyTo(stored.AsSpan(inPage));
            done += count;
        }

        Size = Math.Max(Size, offset + source.Length);
    }

    /// <summary>Makes a range inside the file read as zeroes; whole pages become holes.</summary>
    public void Zero(long offset, long length)
    {
        long end = Math.Max(offset, Math.Min(offset + length, Size));
        foreach (long page in _pages.Keys.Where(
            page => page * PageSize < end && (page + 1) * PageSize > offset).ToList())
        {
            long start = Math.Max(offset - (page * PageSize), 0);
            long stop = Math.Min(end - (page * PageSize), PageSize);
            if (stop - start == PageSize)
            {
                _pages.Remove(page);
            }
            else
            {
                _pages[page].AsSpan((int)start, (int)(stop - start)).Clear();
            }
        }
    }

    /// <summary>Cuts the file, or makes it longer with a hole.</summary>
    public void SetSize(long size)
    {
        Zero(size, Math.Max(Size - size, 0));
        Size = size;
    }

    /// <summary>
    /// Where the first page with data, or the first hole, begins at or behind an offset. -1: nowhere.
    /// </summary>
    public long Find(long offset, bool data)
    {
        for (long position = offset; position < Size; position = ((position / PageSize) + 1) * PageSize)
        {
            if (_pages.ContainsKey(position / PageSize) == data)
            {
                return position;
            }
        }

        return data ? -1 : Size;
    }

    /// <summary>Takes over all bytes of another one, but not its size.</summary>
    public void CopyBytesFrom(SparseBytes other)
    {
        _pages.Clear();
        foreach ((long page, byte[] bytes) in other._pages)
        {
            _pages[page] = [.. bytes];
        }
    }

    private static (long Page, int InPage) Place(long offset) => (offset / PageSize, (int)(offset % PageSize));
}
