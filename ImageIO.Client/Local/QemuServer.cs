using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Local;

/// <summary>A private qemu-nbd that reads a format which only qemu reads; it ends with this object.</summary>
internal sealed class QemuServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StartPeriod = TimeSpan.FromMilliseconds(10);

    private readonly Process _process;
    private readonly string _directory;
    private readonly Task<string> _errors;

    private QemuServer(Process process, string directory)
    {
        _process = process;
        _directory = directory;
        _errors = process.StandardError.ReadToEndAsync();
    }

    private string Socket => Path.Combine(_directory, "sock");

    /// <summary>Opens an image through a qemu-nbd of its own.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">Its format, by qemu's name.</param>
    /// <param name="window">Where the image lies in the file. Null: it is the whole file.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException">There is no qemu-nbd, or it does not open the image: in its own words.</exception>
    public static async ValueTask<IBackend> OpenAsync(
        string path, string format, (long Offset, long Size)? window, CancellationToken cancellationToken)
    {
        QemuServer server = Start(path, format, window);
        try
        {
            await server.WaitForSocketAsync(cancellationToken).ConfigureAwait(false);
            IBackend backend;
            try
            {
                backend = await LocalStorage.OpenNbdAsync($"nbd:unix:{server.Socket}", write: false, cancellationToken).ConfigureAwait(false);
            }
            catch (TransferException e)
            {
                // The socket is there before the image is opened, so a missing backing file shows only now.
                throw await server.FailureAsync(path, format, e).ConfigureAwait(false);
            }

            return new QemuBackend(backend, server);
        }
        catch
        {
            await server.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            // Read-only: there is nothing that it would have to write first.
            _process.Kill();
        }

        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static QemuServer Start(string path, string format, (long Offset, long Size)? window)
    {
        // Mode 0700: the socket is nobody else's.
        string directory = Directory.CreateTempSubdirectory("imageio-").FullName;
        var start = new ProcessStartInfo("qemu-nbd")
        {
            RedirectStandardError = true,
            ArgumentList =
            {
                "--socket", Path.Combine(directory, "sock"), "--persistent", "--shared=8", "--export-name=", "--read-only",
                "--cache=writeback", "--aio=threads", $"json:{Description(path, format, window)}",
            },
        };
        try
        {
            return new QemuServer(Process.Start(start)!, directory);
        }
        catch (Win32Exception e)
        {
            Directory.Delete(directory, recursive: true);
            throw new TransferException(
                TransferError.NotSupported,
                $"{path} is of format {format}, which is read with qemu-nbd only, and that cannot be started: {e.Message}", e);
        }
    }

    private static string Description(string path, string format, (long Offset, long Size)? window)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("driver", format);
            json.WriteStartObject("file");
            if (window is { } part)
            {
                json.WriteString("driver", "raw");
                json.WriteNumber("offset", part.Offset);
                json.WriteNumber("size", part.Size);
                json.WriteStartObject("file");
            }

            json.WriteString("driver", LocalStorage.IsBlockDevice(path) ? "host_device" : "file");
            json.WriteString("filename", Path.GetFullPath(path));
            if (window is not null)
            {
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private async Task WaitForSocketAsync(CancellationToken cancellationToken)
    {
        long started = TimeProvider.System.GetTimestamp();
        while (!File.Exists(Socket) && !_process.HasExited && TimeProvider.System.GetElapsedTime(started) < StartLimit)
        {
            await Task.Delay(StartPeriod, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<TransferException> FailureAsync(string path, string format, TransferException cause)
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync().ConfigureAwait(false);
        string text = (await _errors.ConfigureAwait(false)).Trim();
        return new TransferException(
            TransferError.ImageUnavailable,
            $"qemu-nbd does not open {path} as {format}: {(text.Length > 0 ? text : $"it ended with {_process.ExitCode}")}", cause);
    }
}
