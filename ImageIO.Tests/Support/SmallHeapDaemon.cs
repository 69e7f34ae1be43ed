namespace ImageIO.Tests.Support;

/// <summary>The daemon as a process with a heap of 384 MiB, which may have many connections.</summary>
public sealed class SmallHeapDaemon() : ScarceDaemon(4096);
