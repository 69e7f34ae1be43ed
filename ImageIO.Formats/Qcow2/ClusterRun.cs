namespace ImageIO.Formats.Qcow2;

/// <summary>Guest bytes of one kind that lie in one piece.</summary>
/// <param name="Kind">Where they are.</param>
/// <param name="HostOffset">In the file, of the first byte of the run; of a compressed cluster, where its packed bytes begin.</param>
/// <param name="Length">Guest bytes.</param>
/// <param name="PackedLength">Bytes in the file at most, of a compressed cluster.</param>
internal readonly record struct ClusterRun(ClusterKind Kind, long HostOffset, long Length, int PackedLength = 0);
