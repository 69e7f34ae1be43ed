namespace ImageIO.Tests.Support.Rbd;

/// <summary>Gives the classes of <see cref="CephCluster.Collection"/> their cluster.</summary>
[CollectionDefinition(CephCluster.Collection)]
public sealed class CephCollection : ICollectionFixture<CephCluster>;
