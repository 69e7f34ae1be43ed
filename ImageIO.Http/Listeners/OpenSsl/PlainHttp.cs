using System.Text;
using ImageIO.Http.Listeners.Sockets;

namespace ImageIO.Http.Listeners.OpenSsl;

/// <summary>Tells a client that speaks HTTP where TLS is expected what is wrong, in the language that it understands.</summary>
internal static class PlainHttp
{
    private const string Text = "This is HTTPS: the address begins with https://\n";

    private static readonly byte[] Answer = Encoding.ASCII.GetBytes(
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
        + $"Content-Length: {Text.Length}\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{Text}");

    /// <summary>Whether a request may begin with this byte: a method's first letter, which begins no TLS record.</summary>
    public static bool MayBegin(byte first) => char.IsAsciiLetterUpper((char)first);

    /// <summary>Answers 400. The connection must linger afterwards, because the client may still be sending.</summary>
    public static async Task AnswerAsync(LoopConnection connection)
    {
        PlainStream stream = connection.Open(static (socket, readiness, left) => new PlainStream(socket, readiness, left));
        await stream.WriteAsync(Answer);
    }
}
