namespace ImageIO.Tests.Client;

/// <summary>The reaction of a <see cref="FakeImageServer"/> to a request.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Value">A status, or bytes.</param>
internal readonly record struct FakeAction(FakeActionKind Kind, int Value = 0)
{
    public static FakeAction Serve => default;

    /// <summary>Answers with a status, after it has read the body and thrown it away.</summary>
    public static FakeAction Status(int status) => new(FakeActionKind.Status, status);

    /// <summary>Answers with a status without reading the body, and closes.</summary>
    public static FakeAction EarlyStatus(int status) => new(FakeActionKind.EarlyStatus, status);

    /// <summary>Cuts the connection when it has read, or sent, so many bytes of the body.</summary>
    public static FakeAction CutAt(int bytes) => new(FakeActionKind.CutAt, bytes);

    /// <summary>Does as asked and cuts the connection without an answer.</summary>
    public static FakeAction CutBeforeAnswer => new(FakeActionKind.CutBeforeAnswer);

    /// <summary>Dies and comes back: all connections are cut, and what was not flushed is lost.</summary>
    public static FakeAction Crash => new(FakeActionKind.Crash);
}
