using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using ImageIO.Page;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Tests.Page;

/// <summary>
/// The page in front of an image server that is not ours: one that lacks features, or does on command what storage does
/// on a bad day. It has one image, in memory, for every ticket id.
/// </summary>
internal sealed class StubImageServer : IAsyncDisposable
{
    private const int Block = 4 * 1024 * 1024;

    private readonly WebApplication _app;
    private readonly PageFiles _page = PageFiles.Load();

    private StubImageServer(WebApplication app, int size)
    {
        _app = app;
        Image = new byte[size];
        Options = new JsonObject
        {
            ["features"] = new JsonArray("checksum", "extents", "flush", "zero"),
            ["max_readers"] = 8,
            ["max_writers"] = 8,
            ["size"] = size,
            ["expires_in"] = 300,
            ["ops"] = new JsonArray("write"),
        };
    }

    public byte[] Image { get; }

    /// <summary>Its answer to OPTIONS.</summary>
    public JsonObject Options { get; set; }

    /// <summary>Whether its extents say that what is zero is zero; otherwise all is data.</summary>
    public bool KnowsZeroes { get; set; } = true;

    /// <summary>Answers a request in its place, and says that it did. Null: nothing does.</summary>
    public Func<HttpContext, Task<bool>>? Interfere { get; set; }

    /// <summary>Method, query and body or range of what came, in order.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    public string Origin => _app.Urls.Single();

    public static async Task<StubImageServer> StartAsync(int size)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        var server = new StubImageServer(app, size);
        app.Run(server.ServeAsync);
        await app.StartAsync();
        return server;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>Answers with an error, as our servers do.</summary>
    public static async Task<bool> FailAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        await context.Response.WriteAsync(text);
        return true;
    }

    private async Task ServeAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        if (!path.StartsWith("/images/", StringComparison.Ordinal))
        {
            PageFile file = path == "/" ? _page.Index : _page.Others[path[_page.Folder.Length..]];
            context.Response.ContentType = file.ContentType;
            await context.Response.Body.WriteAsync(file.Content);
        }
        else if (Interfere is not { } interfere || !await interfere(context))
        {
            await ServeImageAsync(context, path.Split('/').Length > 3 ? path.Split('/')[3] : "");
        }
    }

    private async Task ServeImageAsync(HttpContext context, string resource)
    {
        switch (context.Request.Method, resource)
        {
            case ("OPTIONS", ""):
                Note(context, "");
                context.Response.Headers.Allow = "OPTIONS,GET,PUT,PATCH";
                await context.Response.WriteAsync(Options.ToJsonString());
                break;
            case ("GET", "extents"):
                await context.Response.WriteAsync(Extents().ToJsonString());
                break;
            case ("GET", "checksum"):
                await context.Response.WriteAsync(new JsonObject
                {
                    ["algorithm"] = "sha256",
                    ["block_size"] = Block,
                    ["checksum"] = Checksum(Image),
                }.ToJsonString());
                break;
            case ("HEAD", ""):
                context.Response.ContentLength = Image.Length;
                break;
            case ("GET", ""):
                await GetAsync(context);
                break;
            case ("PUT", ""):
                await PutAsync(context);
                break;
            case ("PATCH", ""):
                await PatchAsync(context);
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
                break;
        }
    }

    /// <summary>The checksum of an image as the wire contract defines it.</summary>
    public static string Checksum(ReadOnlySpan<byte> image)
    {
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int at = 0; at < image.Length; at += Block)
        {
            all.AppendData(SHA256.HashData(image[at..Math.Min(at + Block, image.Length)]));
        }

        return Convert.ToHexStringLower(all.GetHashAndReset());
    }

    private async Task GetAsync(HttpContext context)
    {
        string range = context.Request.Headers.Range.ToString()["bytes=".Length..];
        int[] ends = [.. range.Split('-').Select(end => int.Parse(end, CultureInfo.InvariantCulture))];
        context.Response.StatusCode = StatusCodes.Status206PartialContent;
        context.Response.Headers.ContentRange = $"bytes {range}/{Image.Length}";
        context.Response.ContentLength = ends[1] - ends[0] + 1;
        await context.Response.Body.WriteAsync(Image.AsMemory(ends[0], ends[1] - ends[0] + 1));
    }

    private async Task PutAsync(HttpContext context)
    {
        string range = context.Request.Headers.ContentRange.ToString();
        Note(context, range);
        int at = int.Parse(
            range["bytes ".Length..range.IndexOf('-', StringComparison.Ordinal)], CultureInfo.InvariantCulture);
        await context.Request.Body.ReadExactlyAsync(Image.AsMemory(at, (int)context.Request.ContentLength!.Value));
    }

    private async Task PatchAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        string body = await reader.ReadToEndAsync();
        Note(context, body);
        JsonElement what = JsonDocument.Parse(body).RootElement;
        if (what.GetProperty("op").GetString() == "zero")
        {
            Image.AsSpan(what.GetProperty("offset").GetInt32(), what.GetProperty("size").GetInt32()).Clear();
        }
    }

    private JsonArray Extents()
    {
        const int Grain = 64 * 1024;
        var extents = new JsonArray();
        for (int at = 0; at < Image.Length; at += Grain)
        {
            int length = Math.Min(Grain, Image.Length - at);
            bool isZero = KnowsZeroes && !Image.AsSpan(at, length).ContainsAnyExcept((byte)0);
            extents.Add(new JsonObject { ["start"] = at, ["length"] = length, ["zero"] = isZero, ["hole"] = false });
        }

        return extents;
    }

    private void Note(HttpContext context, string what) =>
        Requests.Enqueue($"{context.Request.Method} {context.Request.QueryString} {what}".Replace(
            "  ", " ", StringComparison.Ordinal));
}
