namespace ImageIO.Formats.Qcow2;

/// <summary>Buffers for decompressing clusters, reused by later calls.</summary>
internal sealed class UnpackBuffers(Qcow2Header header)
{
    // Compressed clusters are contiguous, so one read of the file brings several.
    private const int WindowSize = 512 * 1024;

    private readonly byte[] _packed = new byte[header.ClusterSize + 1024];
    private Memory<byte> _window;
    private long _windowStart;
    private int _windowLength;

    /// <summary>A cluster, for reads of a part of one.</summary>
    public byte[] Cluster => field ??= new byte[header.ClusterSize];

    public ClusterUnpacker Unpacker { get; } = new(header.Compression);

    /// <summary>The compressed bytes of a run, at the start of an array that the next call reuses.</summary>
    public async ValueTask<byte[]> PackedAsync(
        UnalignedAccess file, ClusterRun run, CancellationToken cancellationToken)
    {
        if (run.PackedLength > _packed.Length)
        {
            throw FormatError.Corrupt($"qcow2: a compressed cluster of {run.PackedLength} bytes");
        }

        long end = run.HostOffset + run.PackedLength;
        if (run.HostOffset < _windowStart || end > _windowStart + _windowLength)
        {
            await FillAsync(file, run, cancellationToken).ConfigureAwait(false);
        }

        _window.Slice((int)(run.HostOffset - _windowStart), run.PackedLength).CopyTo(_packed);
        return _packed;
    }

    private async ValueTask FillAsync(UnalignedAccess file, ClusterRun run, CancellationToken cancellationToken)
    {
        if (_window.IsEmpty)
        {
            _window = AlignedMemory.Allocate(
                Math.Max(WindowSize, 2 * header.ClusterSize) + AlignedMemory.AddressAlignment);
        }

        _windowLength = 0;
        _windowStart = run.HostOffset & -AlignedMemory.AddressAlignment;
        await file.ReadAsync(_window, _windowStart, cancellationToken).ConfigureAwait(false);
        _windowLength = _window.Length;
    }
}
