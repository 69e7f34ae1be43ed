using System.Text;
using ImageIO.Core.Errors;
using ImageIO.Http.Messages;
using ImageIO.Proxy.Endpoints;
using ImageIO.Proxy.Sessions;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Fuzz.Targets;

/// <summary>The headers that we parse ourselves. The input is the value of each in turn.</summary>
internal static class HeaderTarget
{
    public static void Run(byte[] input)
    {
        // As the server decodes it.
        string value = Encoding.UTF8.GetString(input);
        FuzzTarget.MayRefuse(() => Range(value), TransferError.RangeNotSatisfiable);
        FuzzTarget.MayRefuse(() => ContentRange(value), TransferError.InvalidRequest);
        FuzzTarget.MayRefuse(() => Digest(value), TransferError.InvalidRequest);
        Credentials(value);
    }

    private static void Range(string value)
    {
        if (RangeHeader.Parse(value) is { } range)
        {
            FuzzTarget.MustHold(range.First >= 0
                && (range.Last is null || range.Last >= range.First), "a range has no negative length");
            FuzzTarget.MustHold(!value.Contains(','), "one range is served");
        }
    }

    private static void ContentRange(string value)
    {
        FuzzTarget.MustHold(ContentRangeHeader.ParseOffset(value) >= 0, "an offset is 0 or more");
        FuzzTarget.MustHold(
            value.Trim().StartsWith("bytes", StringComparison.OrdinalIgnoreCase)
                && value.Contains('/'), "the unit is bytes, the size is there");
    }

    private static void Digest(string value)
    {
        if (ContentDigest.Parse(value) is { } digest)
        {
            FuzzTarget.MayRefuse(() => digest.Verify(offset: 0, length: 0), TransferError.DigestMismatch);
        }
    }

    private static void Credentials(string value)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Authorization = value;
        FuzzTarget.MustHold(
            value.EndsWith(RequestCredential.SignedTicketIn(context.Request)!, StringComparison.Ordinal),
            "a ticket is a part of its header");
        context.Request.Headers[SessionId.Header] = value;
        FuzzTarget.MustHold(SessionId.Of(context.Request) == value, "a session id is taken as it stands");
    }
}
