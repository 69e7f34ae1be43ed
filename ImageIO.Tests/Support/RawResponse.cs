using System.Globalization;
using System.Text;

namespace ImageIO.Tests.Support;

/// <summary>An answer as its bytes.</summary>
/// <param name="HeadBytes">Status line and headers with the empty line after them.</param>
internal sealed record RawResponse(byte[] HeadBytes)
{
    public byte[] Body { get; init; } = [];

    public string Head => Encoding.UTF8.GetString(HeadBytes);

    public string Text => Encoding.UTF8.GetString(Body);

    public int Status => int.Parse(Head.Split(' ')[1].Trim(), CultureInfo.InvariantCulture);

    /// <summary>The header's only value; null when there is none.</summary>
    public string? Header(string name) => Head.Split("\r\n").Skip(1)
        .Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase))
        .Select(line => line[(name.Length + 1)..].Trim())
        .SingleOrDefault();

    /// <summary>Asserts the form that every error has: plain text, one line, a newline at its end.</summary>
    public void AssertIsError(int status)
    {
        Assert.Equal(status, Status);
        Assert.Equal("text/plain; charset=UTF-8", Header("content-type"));
        Assert.EndsWith("\n", Text, StringComparison.Ordinal);
        Assert.Equal(1, Text.Count(character => character == '\n'));
        Assert.True(Text.Length > 1, "An error says what was wrong");
    }
}
