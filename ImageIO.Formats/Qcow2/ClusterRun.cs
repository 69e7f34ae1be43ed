namespace ImageIO.Formats.Qcow2;

/// <summary>Contiguous guest bytes of one kind.</summary>
/// <param name="Kind">Where they are.</param>
/// <param name="HostOffset">Offset in the file of the run's first byte, or of the compressed bytes.</param>
/// <param name="Length">Guest bytes.</param>
/// <param name="PackedLength">Most bytes in the file of a compressed cluster.</param>
internal readonly record struct ClusterRun(ClusterKind Kind, long HostOffset, long Length, int PackedLength = 0);
