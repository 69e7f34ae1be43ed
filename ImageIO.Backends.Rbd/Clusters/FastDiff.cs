namespace ImageIO.Backends.Rbd.Clusters;

/// <summary>Which extents trust the object maps of an image, where it has them.</summary>
public enum FastDiff
{
    /// <summary>None: each object is asked about.</summary>
    Never,

    /// <summary>Zero extents: the map tells which objects exist.</summary>
    Zero,

    /// <summary>
    /// Dirty extents, too, in whole objects. Maps of snapshots that librbd 16 before 16.2.14 or 17 before 17.2.7 took
    /// under I/O miss changes (ceph/ceph#52109).
    /// </summary>
    Always,
}
