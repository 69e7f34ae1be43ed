using ImageIO.Http.Listeners;

namespace ImageIO.Tests.Support;

/// <summary>Finds connections whose client has stalled.</summary>
internal static class StalledConnections
{
    /// <summary>Whether a request cannot continue before its client reads more of the answer.</summary>
    public static bool HasStalled(this ClientConnection connection) => connection.IsInRequest && connection.TakesNoMore;
}
