using System.Globalization;
using System.Text.Json;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Tests.Support;
using Microsoft.Playwright;
using Xunit.Abstractions;

namespace ImageIO.Tests.Page;

/// <summary>
/// Time and memory of uploads by the page (web.md section 3), beside curl in the same run. The short form proves that
/// memory is flat; the figures are those of the long form, `make page`.
/// </summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageSpeedTests(PageFixture fixture, ITestOutputHelper output) : IDisposable
{
    private const int Mebibyte = 1024 * 1024;

    // The buffers of four workers, and the browser's own copies, garbage and code.
    private const long MostMemory = 160 * Mebibyte;

    // 1024 in the long form.
    private static readonly int Size =
        int.Parse(Environment.GetEnvironmentVariable("IMAGEIO_PAGE_SPEED_MIB") ?? "48", CultureInfo.InvariantCulture);

    private readonly ImageDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableFact(Timeout = 900_000)]
    public async Task Noise_is_uploaded_in_memory_that_does_not_grow_with_it()
    {
        string source = SampleFile.Create(_files, (long)Size * Mebibyte, (0, Size));
        for (int round = 0; round < (Size >= 1024 ? 3 : 1); round++)
        {
            double curl = await CurlAsync(source);
            (double page, long memory) = await PageAsync(source, (long)Size * Mebibyte);
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Size} MiB of noise: curl {curl:F2} s, page {page:F2} s to the last flush, ratio {curl / page:F2}; "
                + $"the tab took {memory / Mebibyte} MiB"));
            Assert.InRange(memory, 0, MostMemory);
        }
    }

    [SkippableFact(Timeout = 900_000)]
    public async Task Sparse_file_takes_the_time_of_its_data_and_of_reading_it()
    {
        int data = Math.Max(4, Size / 10);
        string alone = SampleFile.Create(_files, (long)data * Mebibyte, (0, data));
        string sparse = SampleFile.Create(
            _files, 10L * Size * Mebibyte, (Size, data / 2), (9 * Size, data - (data / 2)));
        await using PageVisit visit = await fixture.VisitAsync();
        await visit.Tab.SetInputFilesAsync("input[type=file]", sparse);

        double reading = await visit.ImportAsync<double>("source.js", """
            async ({ readInto }) => {
                const file = document.querySelector('input[type=file]').files[0];
                const began = performance.now();
                let next = 0;
                await Promise.all([1, 2, 3, 4].map(async () => {
                    let memory = new ArrayBuffer(8388608);
                    while (next < file.size) {
                        const start = next;
                        next = Math.min(file.size, start + 8388608);
                        memory = (await readInto(file, start, next, memory)).buffer;
                    }
                }));
                return (performance.now() - began) / 1000;
            }
            """);
        (double dataAlone, _) = await PageAsync(alone, (long)data * Mebibyte);
        (double all, long memory) = await PageAsync(sparse, 10L * Size * Mebibyte);

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{10 * Size} MiB with {data} MiB of data: {all:F2} s; its data alone {dataAlone:F2} s, reading it "
                + $"{reading:F2} s, ratio to both {all / (dataAlone + reading):F2}; "
                + $"the tab took {memory / Mebibyte} MiB"));
        Assert.InRange(memory, 0, MostMemory);
    }

    // Seconds from the button to the last flush, and by how much the tab's process grew.
    private async Task<(double Seconds, long Memory)> PageAsync(string source, long size)
    {
        TestImage image = await fixture.AddEmptyImageAsync(size);
        await using PageVisit visit = await fixture.VisitAsync(image.Id);
        await visit.ChooseAsync(source);
        Dictionary<int, long> before = await TabsAsync(peak: false);
        long started = TimeProvider.System.GetTimestamp();
        await visit.PressAsync("Upload");
        await visit.Tab.WaitForSelectorAsync(
            "main[data-state=verifying], main[data-state=done], main[data-state=failed]",
            new PageWaitForSelectorOptions { Timeout = 800_000 });
        double seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        await visit.ReachAsync("done", patience: 300_000);
        Dictionary<int, long> after = await TabsAsync(peak: true);
        File.Delete(image.Path);
        return (seconds, after.Max(tab => tab.Value - before.GetValueOrDefault(tab.Key, tab.Value)));
    }

    private async Task<double> CurlAsync(string source)
    {
        TestImage image = await fixture.AddEmptyImageAsync(new FileInfo(source).Length);
        BufferedCommandResult result = await Cli.Wrap("curl")
            .WithArguments([
                "--silent", "--show-error", "--fail", "--insecure", "--upload-file", source, "--output", "/dev/null",
                "--write-out", "%{time_total}", fixture.Daemon.RemoteUrl + image.Url,
            ])
            .ExecuteBufferedAsync();
        File.Delete(image.Path);
        return double.Parse(result.StandardOutput, CultureInfo.InvariantCulture);
    }

    // Resident memory of the processes that the browser names as its tabs'.
    private async Task<Dictionary<int, long>> TabsAsync(bool peak)
    {
        ICDPSession session = await fixture.Browser.NewSessionAsync();
        JsonElement? answer = await session.SendAsync("SystemInfo.getProcessInfo");
        await session.DetachAsync();
        string field = peak ? "VmHWM:" : "VmRSS:";
        return answer!.Value.GetProperty("processInfo").EnumerateArray()
            .Where(process => process.GetProperty("type").GetString() == "renderer")
            .Select(process => process.GetProperty("id").GetInt32())
            .ToDictionary(id => id, id => 1024 * long.Parse(
                File.ReadLines($"/proc/{id}/status")
                    .First(line => line.StartsWith(field, StringComparison.Ordinal)).Split(
                    ' ', StringSplitOptions.RemoveEmptyEntries)[1],
                CultureInfo.InvariantCulture));
    }
}
