namespace ImageIO.Backends.Nbd.Extents;

/// <summary>A position in the extents of one context. Without a list it never ends, and has no flags.</summary>
internal struct StatusCursor
{
    private readonly StatusList? _list;
    private int _index;

    /// <summary>Starts at the first extent.</summary>
    /// <param name="list">The extents. Null: the context is missing.</param>
    public StatusCursor(StatusList? list)
    {
        _list = list;
        _index = -1;
        Advance(0);
    }

    /// <summary>Bytes from here to the end of the extent. 0: behind the last one.</summary>
    public long Left { get; private set; }

    /// <summary>Bytes of all extents together.</summary>
    public readonly long TotalLength => _list?.TotalLength ?? long.MaxValue;

    /// <summary>The flags of these bytes.</summary>
    public uint Flags { get; private set; }

    /// <summary>Advances by at most <see cref="Left"/> bytes.</summary>
    public void Advance(long bytes)
    {
        if (_list is null)
        {
            Left = long.MaxValue;
            return;
        }

        Left -= bytes;
        if (Left == 0 && ++_index < _list.Count)
        {
            Left = _list.LengthOf(_index);
            Flags = _list.FlagsOf(_index);
        }
    }
}
