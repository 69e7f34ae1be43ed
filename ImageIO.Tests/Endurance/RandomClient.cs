using System.Net;
using System.Text.Json;

namespace ImageIO.Tests.Endurance;

/// <summary>A client that writes, zeroes and flushes at random, and notes what the server promised.</summary>
/// <param name="client">Where it sends its requests.</param>
/// <param name="path">The image's path there.</param>
/// <param name="bytes">Its notes of what was promised.</param>
/// <param name="area">The bytes of the image that no other client changes: offset and length.</param>
/// <param name="random">What it does.</param>
internal sealed class RandomClient(
    HttpClient client, string path, DurableBytes bytes, (int Offset, int Length) area, Random random)
{
    /// <summary>Sends one request.</summary>
    /// <returns>Its status. Null: no answer came.</returns>
    public async Task<HttpStatusCode?> StepAsync()
    {
        int length = random.Next(1, (area.Length / 2) + 1);
        int offset = area.Offset + random.Next(area.Length - length + 1);
        if (random.Next(3) > 0)
        {
            // Whole blocks take another way than their parts.
            offset = offset / 4096 * 4096;
            offset = Math.Max(offset, area.Offset);
        }

        return random.Next(8) switch
        {
            0 or 1 or 2 => await WriteAsync(offset, length, flush: false),
            3 or 4 => await WriteAsync(offset, length, flush: true),
            5 => await ZeroAsync(offset, length, random.Next(2) == 0),
            _ => await FlushAsync(),
        };
    }

    /// <summary>Writes all of its area again, and flushes it.</summary>
    public Task<HttpStatusCode?> WriteAllAsync() => WriteAsync(area.Offset, area.Length, flush: true);

    /// <summary>Zeroes all of its area.</summary>
    public Task<HttpStatusCode?> ZeroAllAsync() => ZeroAsync(area.Offset, area.Length, flush: false);

    private Task<HttpStatusCode?> WriteAsync(int offset, int length, bool flush)
    {
        byte value = (byte)random.Next(1, DurableBytes.Values);
        var content = new ByteArrayContent([.. Enumerable.Repeat(value, length)]);
        content.Headers.TryAddWithoutValidation("Content-Range", $"bytes {offset}-{offset + length - 1}/*");
        string target = $"{path}?flush={(flush ? "y" : "n")}";
        var request = new HttpRequestMessage(HttpMethod.Put, target) { Content = content };
        return ChangeAsync(offset, length, value, flush, request);
    }

    private Task<HttpStatusCode?> ZeroAsync(int offset, int length, bool flush)
    {
        string json = JsonSerializer.Serialize(new { op = "zero", offset, size = length, flush });
        return ChangeAsync(offset, length, 0, flush, Patch(json));
    }

    private async Task<HttpStatusCode?> FlushAsync()
    {
        DurableBytes.Flush flush = bytes.FlushStarts();
        HttpStatusCode? status = await SendAsync(Patch("""{"op": "flush"}"""));
        bytes.FlushEnds(flush, status == HttpStatusCode.OK);
        return status;
    }

    private async Task<HttpStatusCode?> ChangeAsync(
        int offset, int length, byte value, bool flush, HttpRequestMessage request)
    {
        bytes.ChangeStarts(offset, length, value);
        DurableBytes.Flush? covering = flush ? bytes.FlushStarts() : null;
        HttpStatusCode? status = await SendAsync(request);
        if (covering is not null)
        {
            bytes.FlushEnds(covering, status == HttpStatusCode.OK);
        }

        if (status == HttpStatusCode.OK && flush)
        {
            bytes.ChangeIsFlushed(offset, length, value);
        }
        else if (status == HttpStatusCode.OK)
        {
            bytes.ChangeEnds(offset, length, value);
        }

        return status;
    }

    private HttpRequestMessage Patch(string json) =>
        new(HttpMethod.Patch, path) { Content = new StringContent(json) };

    private async Task<HttpStatusCode?> SendAsync(HttpRequestMessage request)
    {
        try
        {
            using HttpResponseMessage response = await client.SendAsync(request);
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
