using System.Globalization;

namespace ImageIO.Tests.Support.Storage;

/// <summary>A compressed memory disk of its own: a device with 4096-byte sectors that frees what is zeroed.</summary>
internal sealed class ZramDevice : IAsyncDisposable
{
    private const string Control = "/sys/class/zram-control";

    private readonly int _number;

    private ZramDevice(int number) => _number = number;

    /// <summary>Why there are no such devices here. Null: there are.</summary>
    public static string? WhyNot =>
        SystemTool.WhyNot()
            ?? (Directory.Exists(Control) ? null : "needs the kernel's zram module, which is not loaded");

    /// <summary>The device.</summary>
    public string Path => $"/dev/zram{_number}";

    /// <summary>Makes a device that reads as zeroes.</summary>
    /// <param name="size">Bytes, rounded up to a whole page; 0: the device has no size yet.</param>
    public static async Task<ZramDevice> CreateAsync(long size)
    {
        // Reading this file makes a new device and gives its number (admin-guide/blockdev/zram.rst).
        var device = new ZramDevice(int.Parse(
            await File.ReadAllTextAsync($"{Control}/hot_add"), CultureInfo.InvariantCulture));
        if (size > 0)
        {
            await File.WriteAllTextAsync($"/sys/block/zram{device._number}/disksize", $"{size}");
        }

        return device;
    }

    public async ValueTask DisposeAsync()
    {
        // Busy while another test starts a program: its child has our descriptors until it executes the program.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (!TryReset())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), patience.Token);
        }

        await File.WriteAllTextAsync($"{Control}/hot_remove", $"{_number}");
    }

    private bool TryReset()
    {
        const int EBUSY = 16;
        try
        {
            File.WriteAllText($"/sys/block/zram{_number}/reset", "1");
            return true;
        }
        catch (IOException e) when (e.HResult == EBUSY)
        {
            return false;
        }
    }
}
