namespace ImageIO.Tests.Support;

/// <summary>Gives the classes of <see cref="RunningDaemon.Collection"/> their daemon.</summary>
[CollectionDefinition(RunningDaemon.Collection)]
public sealed class RunningDaemonCollection : ICollectionFixture<RunningDaemon>;
