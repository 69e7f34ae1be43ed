using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Nbd;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Endurance;

/// <summary>An image that is written while processes are killed, on one kind of storage.</summary>
internal sealed class KilledImage : IAsyncDisposable
{
    private readonly string _file;
    private readonly string _format;
    private readonly LoopDevice? _device;
    private readonly NbdServer? _server;
    private readonly int _size;
    private bool _isServed;

    private KilledImage(string file, string format, int size, LoopDevice? device, NbdServer? server)
    {
        (_file, _format, _size, _device, _server) = (file, format, size, device, server);
        _isServed = server is not null;
    }

    /// <summary>The URL for a ticket.</summary>
    public string Url => _server?.Url.Text ?? $"file://{Path}";

    /// <summary>The file or device.</summary>
    public string Path => _device?.Path ?? _file;

    /// <summary>An image that holds zeroes.</summary>
    public static async Task<KilledImage> CreateAsync(DaemonFiles files, ImageStorage storage, int size)
    {
        string file = files.CreateImage([]);
        if (storage == ImageStorage.NbdQcow2)
        {
            await QemuImg.RunAsync("create", "-q", "-f", "qcow2", file, $"{size}");
        }
        else
        {
            await File.WriteAllBytesAsync(file, new byte[size]);
        }

        string format = storage == ImageStorage.NbdQcow2 ? "qcow2" : "raw";
        return new KilledImage(
            file,
            format,
            size,
            storage == ImageStorage.Block ? await LoopDevice.CreateOnAsync(file) : null,
            storage is ImageStorage.NbdRaw or ImageStorage.NbdQcow2
                ? await NbdServer.QemuNbdAsync(files.Path, "--shared=8", $"--format={format}", file)
                : null);
    }

    /// <summary>SIGKILL of the server, if there is one: what it holds in memory is lost.</summary>
    public async Task KillServerAsync()
    {
        if (_isServed)
        {
            _isServed = false;
            await _server!.KillAsync();
        }
    }

    /// <summary>Starts the server again, if there is one.</summary>
    public async Task StartServerAgainAsync()
    {
        if (_server is not null)
        {
            File.Delete(_server.Socket);
            await _server.StartAgainAsync();
            _isServed = true;
        }
    }

    /// <summary>The stored content. No server may run.</summary>
    public async Task<byte[]> ReadMediumAsync()
    {
        if (_format == "raw")
        {
            return await File.ReadAllBytesAsync(_file);
        }

        string raw = $"{_file}.raw";
        await QemuImg.RunAsync("convert", "-f", _format, "-O", "raw", _file, raw);
        byte[] content = await File.ReadAllBytesAsync(raw);
        File.Delete(raw);
        Assert.Equal(_size, content.Length);
        return content;
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            _isServed = false;
            await _server.DisposeAsync();
        }

        if (_device is not null)
        {
            await _device.DisposeAsync();
        }

        File.Delete(_file);
    }
}
