using System.Collections.Concurrent;
using ImageIO.Backends.Testing;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support.Rbd;

namespace ImageIO.Tests.Backends.Rbd;

/// <summary>The contract of backends on images of a real cluster, which checks keys.</summary>
public static class RbdBackendMatrixTests
{
    [Collection(CephCluster.Collection)]
    public sealed class OnPlainImages(CephCluster ceph) : Row(ceph, new RbdShape { Features = 1 });

    [Collection(CephCluster.Collection)]
    public sealed class OnImagesWithAllFeatures(CephCluster ceph)
        : Row(ceph, new RbdShape { Features = RbdAdmin.AllFeatures | RbdAdmin.Journaling });

    [Collection(CephCluster.Collection)]
    [Trait("Cluster", "Ceph")]
    [Trait("Speed", "Slow")]
    public sealed class OnStripedImagesOfSmallObjects(CephCluster ceph)
        : Row(ceph, new RbdShape { Features = 1 | 2, Order = 20, Stripes = (64 * 1024, 4) });

    [Collection(CephCluster.Collection)]
    [Trait("Cluster", "Ceph")]
    [Trait("Speed", "Slow")]
    public sealed class OnImagesOfLargeObjects(CephCluster ceph) : Row(ceph, new RbdShape { Order = 25 });

    [Collection(CephCluster.Collection)]
    [Trait("Cluster", "Ceph")]
    [Trait("Speed", "Slow")]
    public sealed class OnImagesInANamespace(CephCluster ceph) : Row(ceph, new RbdShape())
    {
        protected override string Space => CephCluster.TenantSpace + "/";
    }

    [Collection(CephCluster.Collection)]
    [Trait("Cluster", "Ceph")]
    [Trait("Speed", "Slow")]
    public sealed class OnImagesWithADataPool(CephCluster ceph) : Row(
        ceph, new RbdShape { DataPool = CephCluster.DataPool });

    [Collection(CephCluster.Collection)]
    public sealed class OnClones(CephCluster ceph) : Row(ceph, new RbdShape { Order = 20 })
    {
        // Parents by size. They are never written, so tests share them.
        private static readonly ConcurrentDictionary<long, string> Parents = [];

        protected override string? ZeroesShowAsData => "the cluster tells objects that hide the parent's data as data";

        protected override async ValueTask<ImageUrl> CreateImageAsync(long size)
        {
            CephCluster.Require();
            if (size == 0)
            {
                return await base.CreateImageAsync(size); // there is nothing to share
            }

            string clone = Ceph.Images.NewName();
            Ceph.Images.Clone(Parents.GetOrAdd(size, Parent), Snapshot, clone, Shape);
            ImageUrl url = CephCluster.Url(clone);

            // The bytes of the parent must never be seen again.
            await using IBackend image = await Ceph.Factory.OpenAsync(
                url, new ImageAccess(Write: true), CancellationToken.None);
            await image.ZeroAsync(0, size, ZeroMode.Deallocate, CancellationToken.None);
            return url;
        }

        private string Parent(long size)
        {
            string parent = Ceph.Images.CreateNew(size, Shape);
            Ceph.Images.Fill(parent, size, 0xAA);
            Ceph.Images.Snapshot(parent, Snapshot);
            Ceph.Images.Protect(parent, Snapshot);
            return parent;
        }
    }

    // An image has a fixed number of bytes, and takes any offset and length.
    [Trait("Needs", "Root")]
    [Trait("Cluster", "Ceph")]
    [Without(ContractParts.Growth | ContractParts.PartialBlocks)]
    public abstract class Row : BackendContractTests
    {
        internal const string Snapshot = "base";

        internal Row(CephCluster ceph, RbdShape shape)
        {
            Ceph = ceph;
            Shape = shape;
        }

        protected override ImageUrl? MissingImage => CephCluster.Url("missing");

        protected CephCluster Ceph { get; }

        private protected RbdShape Shape { get; }

        /// <summary>The namespace, with a slash behind it.</summary>
        protected virtual string Space => "";

        protected override IBackendFactory CreateFactory()
        {
            CephCluster.Require();
            return Ceph.Factory;
        }

        protected override ValueTask<ImageUrl> CreateImageAsync(long size)
        {
            CephCluster.Require();
            RbdAdmin images = Space.Length == 0 ? Ceph.Images : Ceph.Tenant;
            return new(CephCluster.Url(Space + images.CreateNew(size, Shape)));
        }
    }
}
