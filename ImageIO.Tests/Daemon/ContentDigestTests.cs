using System.Security.Cryptography;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Daemon;

/// <summary>Content-Digest of uploads (RFC 9530; daemon-api section 4).</summary>
[Collection(RunningDaemon.Collection)]
public sealed class ContentDigestTests(RunningDaemon daemon)
{
    // More than one buffer, and no multiple of anything.
    private static readonly byte[] Body = Bytes.Random((2 * 1024 * 1024) + 77);

    private static readonly string Sha256 = $"sha-256=:{Convert.ToBase64String(SHA256.HashData(Body))}:";

    private static readonly string Sha512 = $"sha-512=:{Convert.ToBase64String(SHA512.HashData(Body))}:";

    private static readonly string Wrong = $"sha-256=:{Convert.ToBase64String(new byte[32])}:";

    public static TheoryData<string> Matching =>
        [Sha256, Sha512, $"{Sha256}, {Sha512}", $"md5=:AAAA:, {Sha256}", "unixsum=:AAAA:"];

    public static TheoryData<string> Mismatching =>
        [Wrong, $"{Sha512}, {Wrong}", $"{Wrong}, {Sha512}", $"crc32c=:AAAA:, {Wrong}"];

    [Theory(Timeout = 20_000)]
    [MemberData(nameof(Matching))]
    public async Task Matching_digest_or_only_unknown_ones_are_200(string digest)
    {
        TestImage image = await daemon.AddImageAsync(new byte[Body.Length]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        RawResponse response = await PutAsync(client, image, digest);

        Assert.Equal(200, response.Status);
        Bytes.AssertEqual(Body, image.Content, "the image");
    }

    [Theory(Timeout = 20_000)]
    [MemberData(nameof(Mismatching))]
    public async Task Mismatch_is_400_that_names_the_undefined_range_and_keeps_the_connection(string digest)
    {
        TestImage image = await daemon.AddImageAsync(new byte[Body.Length + 1000]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        RawResponse response = await PutAsync(client, image, digest, $"Content-Range: bytes 1000-*/*");

        response.AssertIsError(400);
        Assert.Contains($"{Body.Length} bytes at 1000", response.Text, StringComparison.Ordinal);
        Assert.Contains("undefined", response.Text, StringComparison.Ordinal);
        await client.AssertOpenAsync();
    }

    [Theory(Timeout = 20_000)]
    [InlineData("")]
    [InlineData("sha-256")]
    [InlineData("sha-256=")]
    [InlineData("sha-256=::")]
    [InlineData("sha-256=:AAAA:")]
    [InlineData("sha-256=AAAA")]
    [InlineData("sha-256=:not base64:")]
    [InlineData("sha-256=:A:")]
    [InlineData("=:AAAA:")]
    public async Task Malformed_header_is_400_before_403_and_writes_nothing(string digest)
    {
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        foreach (string target in (string[])[image.Url, "/images/unknown"])
        {
            using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);
            await client.RequestAsync("PUT", target, "Content-Length: 10", $"Content-Digest: {digest}");
            await client.SendAsync(new byte[10]);
            RawResponse response = await client.ReceiveAsync();

            response.AssertIsError(400);
            Assert.Contains("Content-Digest", response.Text, StringComparison.Ordinal);
            await client.AssertClosedAsync();
        }

        Assert.Equal(new byte[10], image.Content);
    }

    [Theory(Timeout = 20_000)]
    [InlineData(true, 200)]
    [InlineData(false, 400)]
    public async Task Chunked_body_is_checked_too(bool matches, int status)
    {
        TestImage image = await daemon.AddImageAsync(new byte[Body.Length]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync(
            "PUT", image.Url, "Transfer-Encoding: chunked", $"Content-Digest: {(matches ? Sha256 : Wrong)}");
        foreach (byte[] chunk in Body.Chunk(1_000_000))
        {
            await client.SendAsync($"{chunk.Length:x}\n");
            await client.SendAsync(chunk);
            await client.SendAsync("\n");
        }

        await client.SendAsync("0\n\n");

        Assert.Equal(status, (await client.ReceiveAsync()).Status);
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Digest_of_an_empty_body_is_checked()
    {
        TestImage image = await daemon.AddImageAsync(new byte[10]);
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("PUT", image.Url, "Content-Length: 0", $"Content-Digest: {Wrong}");
        RawResponse wrong = await client.ReceiveAsync();
        await client.RequestAsync(
            "PUT",
            image.Url, "Content-Length: 0", $"Content-Digest: sha-256=:{Convert.ToBase64String(SHA256.HashData([]))}:");
        RawResponse right = await client.ReceiveAsync();

        wrong.AssertIsError(400);
        Assert.Equal(200, right.Status);
    }

    private static async Task<RawResponse> PutAsync(
        RawClient client, TestImage image, string digest, params string[] headers)
    {
        await client.RequestAsync(
            "PUT", image.Url, [$"Content-Length: {Body.Length}", $"Content-Digest: {digest}", .. headers]);
        await client.SendAsync(Body);
        return await client.ReceiveAsync();
    }
}
