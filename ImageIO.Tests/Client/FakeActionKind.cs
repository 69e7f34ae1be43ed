namespace ImageIO.Tests.Client;

/// <summary>The ways of <see cref="FakeAction"/>.</summary>
internal enum FakeActionKind
{
    Serve,
    Status,
    EarlyStatus,
    CutAt,
    CutBeforeAnswer,
    Crash,
}
