namespace ImageIO.Backends.Rbd.Clusters;

/// <summary>Identifies the connection that images share.</summary>
/// <param name="Conf">The file that describes the cluster.</param>
/// <param name="Id">The user, without <c>client.</c>.</param>
internal readonly record struct ClusterKey(string Conf, string Id)
{
    /// <inheritdoc />
    public override string ToString() => $"the Ceph cluster of {Conf} as client.{Id}";
}
