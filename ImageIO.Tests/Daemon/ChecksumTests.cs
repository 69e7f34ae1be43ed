using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;
using Org.BouncyCastle.Crypto.Digests;

namespace ImageIO.Tests.Daemon;

/// <summary>GET /images/ID/checksum and .../algorithms (daemon-api section 4), compared with Python's
/// hashlib.</summary>
[Collection(RunningDaemon.Collection)]
public sealed class ChecksumTests(RunningDaemon daemon)
{
    private const int MiB = 1024 * 1024;
    private const string Python = "/usr/bin/python3";

    // The definition, in another language and with another library.
    private const string Definition = """
        import functools, hashlib, sys
        path, block_size, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
        new = functools.partial(hashlib.new, name)
        if name.startswith("blake2"):
            new = functools.partial(getattr(hashlib, name), digest_size=32)
        root = new()
        with open(path, "rb") as image:
            while block := image.read(block_size):
                digest = new()
                digest.update(block)
                root.update(digest.digest())
        print(root.hexdigest())
        """;

    [SkippableTheory(Timeout = 30_000)]
    [InlineData("blake2b")]
    [InlineData("blake2s")]
    [InlineData("md5")]
    [InlineData("sha1")]
    [InlineData("sha224")]
    [InlineData("sha256")]
    [InlineData("sha384")]
    [InlineData("sha512")]
    [InlineData("sha3_224")]
    [InlineData("sha3_256")]
    [InlineData("sha3_384")]
    [InlineData("sha3_512")]
    public async Task Algorithm_gives_what_hashlib_gives(string algorithm)
    {
        // Data, a block half zero, a written block of zeroes, a hole, and a last block that is partial.
        string path = daemon.Files.CreateSparseImage(
            (5 * MiB) + 1234,
            (0, Bytes.Random(MiB)), (MiB + (MiB / 2), Bytes.Random(MiB / 2)), (2 * MiB, new byte[MiB]),
            (4 * MiB, Bytes.Random(MiB + 1234)));
        TestImage image = await AddAsync(path);

        JsonNode answer = await GetAsync(image, $"?algorithm={algorithm}&block_size={MiB}");

        Assert.Equal(["algorithm", "block_size", "checksum"], answer.AsObject().Select(pair => pair.Key));
        Assert.Equal(algorithm, answer["algorithm"]!.GetValue<string>());
        Assert.Equal(MiB, answer["block_size"]!.GetValue<int>());
        Assert.Equal(await ExpectedAsync(path, MiB, algorithm), answer["checksum"]!.GetValue<string>());
    }

    // Python's hashlib has no BLAKE3; BouncyCastle's is not the one that the daemon uses.
    [Fact(Timeout = 30_000)]
    public async Task Blake3_gives_what_BouncyCastle_gives()
    {
        byte[] content = Bytes.Random((5 * MiB) + 1234);
        content.AsSpan(MiB, MiB).Clear();
        content.AsSpan(2 * MiB, MiB / 2).Clear();
        TestImage image = await AddAsync(daemon.Files.CreateImage(content));

        JsonNode answer = await GetAsync(image, $"?algorithm=blake3&block_size={MiB}");

        var root = new Blake3Digest();
        foreach (byte[] block in content.Chunk(MiB))
        {
            root.BlockUpdate(Digest(block));
        }

        byte[] expected = new byte[root.GetDigestSize()];
        root.DoFinal(expected);
        Assert.Equal(Convert.ToHexStringLower(expected), answer["checksum"]!.GetValue<string>());

        static byte[] Digest(byte[] block)
        {
            var hash = new Blake3Digest();
            byte[] digest = new byte[hash.GetDigestSize()];
            hash.BlockUpdate(block);
            hash.DoFinal(digest);
            return digest;
        }
    }

    // More blocks than lanes of all workers, zeroes at the start, in the middle and at the end of blocks, and whole
    // zero
    // blocks that extents do not tell: each block gets its own digest, whichever lane hashed it.
    [SkippableFact(Timeout = 30_000)]
    public async Task Blocks_that_are_hashed_side_by_side_have_their_own_digests()
    {
        byte[] content = Bytes.Random((70 * MiB) + 777);
        for (int block = 0; block < 70; block++)
        {
            (int start, int length) = (block % 5) switch
            {
                0 => (0, MiB / 2),
                1 => (MiB / 4, MiB / 2),
                2 => (MiB / 2, MiB / 2),
                3 => (0, MiB),
                _ => (0, 0),
            };
            content.AsSpan((block * MiB) + start, length).Clear();
        }

        TestImage image = await AddAsync(daemon.Files.CreateImage(content));

        JsonNode answer = await GetAsync(image, $"?block_size={MiB}");

        Assert.Equal(await ExpectedAsync(image.Path, MiB, "blake2b"), answer["checksum"]!.GetValue<string>());
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4 * MiB)]
    [InlineData((8 * MiB) - 1)]
    [InlineData((8 * MiB) + 4096)]
    public async Task Default_is_blake2b_of_4_mib_blocks_whatever_the_size(int size)
    {
        TestImage image = await AddAsync(daemon.Files.CreateImage(Bytes.Random(size)));

        JsonNode answer = await GetAsync(image, "");

        Assert.Equal("blake2b", answer["algorithm"]!.GetValue<string>());
        Assert.Equal(4 * MiB, answer["block_size"]!.GetValue<int>());
        Assert.Equal(await ExpectedAsync(image.Path, 4 * MiB, "blake2b"), answer["checksum"]!.GetValue<string>());
    }

    [SkippableTheory(Timeout = 30_000)]
    [InlineData(MiB)]
    [InlineData(MiB + 4096)]
    [InlineData(16 * MiB)]
    public async Task Block_size_at_its_bounds_is_used(int blockSize)
    {
        TestImage image = await AddAsync(daemon.Files.CreateImage(Bytes.Random((3 * MiB) + 1)));

        JsonNode answer = await GetAsync(image, $"?algorithm=sha1&block_size={blockSize}");

        Assert.Equal(await ExpectedAsync(image.Path, blockSize, "sha1"), answer["checksum"]!.GetValue<string>());
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Sparse_image_has_the_checksum_of_the_same_image_written_out()
    {
        string sparse = daemon.Files.CreateSparseImage((64 * MiB) + 512, (40 * MiB, Bytes.Random(100)));
        TestImage image = await AddAsync(sparse);
        TestImage written = await AddAsync(daemon.Files.CreateImage(File.ReadAllBytes(sparse)));

        string ofSparse = (await GetAsync(image, ""))["checksum"]!.GetValue<string>();
        string ofWritten = (await GetAsync(written, ""))["checksum"]!.GetValue<string>();

        Assert.Equal(await ExpectedAsync(sparse, 4 * MiB, "blake2b"), ofSparse);
        Assert.Equal(ofSparse, ofWritten);
    }

    [SkippableFact(Timeout = 30_000)]
    public async Task Checksum_ends_where_the_ticket_ends()
    {
        byte[] content = Bytes.Random((2 * MiB) + 100);
        string id = Guid.NewGuid().ToString();
        await daemon.InstallAsync(TicketBody.For(id, daemon.Files.CreateImage(content), MiB + 1, "read"));

        JsonNode answer = await GetAsync(new TestImage(id, ""), $"?algorithm=sha256&block_size={MiB}");

        string expected = await ExpectedAsync(daemon.Files.CreateImage(content[..(MiB + 1)]), MiB, "sha256");
        Assert.Equal(expected, answer["checksum"]!.GetValue<string>());
    }

    [Theory(Timeout = 20_000)]
    [InlineData("0")]
    [InlineData("-1048576")]
    [InlineData("4096")]
    [InlineData("1044480")]
    [InlineData("1048577")]
    [InlineData("16781312")]
    [InlineData("99999999999999999999")]
    [InlineData("4M")]
    [InlineData("1048576.0")]
    [InlineData("")]
    public async Task Wrong_block_size_is_400_before_403_and_keeps_the_connection(string blockSize)
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", $"/images/unknown/checksum?block_size={blockSize}");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(400);
        Assert.Contains($"'{blockSize}'", response.Text, StringComparison.Ordinal);
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Unknown_algorithm_is_400_before_403_and_the_answer_quotes_it_and_lists_the_known()
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", "/images/unknown/checksum?algorithm=crc32");
        RawResponse response = await client.ReceiveAsync();

        response.AssertIsError(400);
        Assert.Contains("'crc32'", response.Text, StringComparison.Ordinal);
        Assert.All(
            await AlgorithmsAsync(daemon.Local),
            name => Assert.Contains(name, response.Text, StringComparison.Ordinal));
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Unknown_ticket_is_403_and_keeps_the_connection()
    {
        using RawClient client = await RawClient.ConnectAsync(daemon.Files.LocalSocket);

        await client.RequestAsync("GET", "/images/unknown/checksum");

        (await client.ReceiveAsync()).AssertIsError(403);
        await client.AssertOpenAsync();
    }

    [Fact(Timeout = 20_000)]
    public async Task Algorithms_are_listed_sorted_and_without_a_ticket()
    {
        string[] remote = await AlgorithmsAsync(daemon.Remote);

        Assert.Equal(
            [
                "blake2b", "blake2s", "blake3", "md5", "sha1", "sha224", "sha256", "sha384",
                "sha3_224", "sha3_256", "sha3_384", "sha3_512", "sha512",
            ],
            remote);
        Assert.Equal(remote, await AlgorithmsAsync(daemon.Local));
    }

    private static async Task<string[]> AlgorithmsAsync(HttpClient client) =>
        [.. JsonNode.Parse(await client.GetStringAsync("/images/no-ticket/checksum/algorithms"))!["algorithms"]!
            .AsArray()
            .Select(name => name!.GetValue<string>())];

    private static async Task<string> ExpectedAsync(string path, int blockSize, string algorithm)
    {
        Skip.IfNot(File.Exists(Python), $"Needs {Python}");
        BufferedCommandResult result = await Cli.Wrap(Python)
            .WithArguments(["-c", Definition, path, $"{blockSize}", algorithm])
            .ExecuteBufferedAsync();
        return result.StandardOutput.Trim();
    }

    private async Task<JsonNode> GetAsync(TestImage image, string query) =>
        JsonNode.Parse(await daemon.Local.GetStringAsync($"{image.Url}/checksum{query}"))!;

    private async Task<TestImage> AddAsync(string path)
    {
        var image = new TestImage(Guid.NewGuid().ToString(), path);
        await daemon.InstallAsync(TicketBody.For(image.Id, path, new FileInfo(path).Length, "read"));
        return image;
    }
}
