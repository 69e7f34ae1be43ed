using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Tests.Backends;

public sealed class ImageUrlTests
{
    [Theory]
    [InlineData("file:///var/disk", "file", "///var/disk")]
    [InlineData("FILE:/a%20b:c", "file", "/a%20b:c")]
    [InlineData("nbd:unix:/run/sock:exportname=sda", "nbd", "unix:/run/sock:exportname=sda")]
    [InlineData("x-a.b+1:", "x-a.b+1", "")]
    public void The_scheme_stands_before_the_first_colon_and_nothing_is_decoded(string text, string scheme, string rest)
    {
        ImageUrl url = ImageUrl.Parse(text);

        Assert.Equal((scheme, rest, text), (url.Scheme, url.Rest, url.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData(":")]
    [InlineData("/path")]
    [InlineData("1a:x")]
    [InlineData("a b:x")]
    [InlineData("ä:x")]
    public void A_text_without_a_scheme_is_refused(string text) =>
        Assert.Equal(TransferError.InvalidRequest, Assert.Throws<TransferException>(() => ImageUrl.Parse(text)).Error);
}
