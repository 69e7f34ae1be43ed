using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using Mono.Unix.Native;

namespace ImageIO.Client.Local;

/// <summary>A private qemu-nbd for what only qemu reads or writes; it ends with this object.</summary>
internal sealed class QemuServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StartPeriod = TimeSpan.FromMilliseconds(10);

    // To write tables and bitmaps of an image that was written.
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly string _directory;
    private readonly bool _writes;
    private readonly Task<string> _errors;

    private QemuServer(Process process, string directory, bool writes)
    {
        _process = process;
        _directory = directory;
        _writes = writes;
        _errors = process.StandardError.ReadToEndAsync();
    }

    private string Socket => Path.Combine(_directory, "sock");

    /// <summary>Opens an image through a qemu-nbd of its own.</summary>
    /// <param name="path">The file.</param>
    /// <param name="image">The image in the file.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException">There is no qemu-nbd, or it does not open the image: in its own
    /// words.</exception>
    public static async ValueTask<IBackend> OpenAsync(string path, QemuImage image, CancellationToken cancellationToken)
    {
        QemuServer server = Start(path, image);
        try
        {
            await server.WaitForSocketAsync(cancellationToken).ConfigureAwait(false);
            IBackend backend;
            try
            {
                backend = await LocalStorage.OpenNbdAsync(
                    $"nbd:unix:{server.Socket}", image.CanWrite, cancellationToken).ConfigureAwait(false);
            }
            catch (TransferException e)
            {
                // The socket exists before the image is opened, so a missing backing file shows here.
                throw await server.FailureAsync(path, image.Format, e).ConfigureAwait(false);
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
        if (!_process.HasExited && _writes)
        {
            await EndAsync().ConfigureAwait(false);
        }

        if (!_process.HasExited)
        {
            // It is read-only, so it has nothing to write before it ends.
            _process.Kill();
        }

        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    // Asks it to close the image, which writes what belongs to it.
    private async Task EndAsync()
    {
        Syscall.kill(_process.Id, Signum.SIGTERM);
        using var limit = new CancellationTokenSource(EndLimit, TimeProvider.System);
        try
        {
            await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The image was flushed. The next check finds missing bytes.
        }
    }

    private static QemuServer Start(string path, QemuImage image)
    {
        // Mode 0700, so that no other user can use the socket.
        string directory = Directory.CreateTempSubdirectory("imageio-").FullName;
        var start = new ProcessStartInfo("qemu-nbd")
        {
            RedirectStandardError = true,
            ArgumentList =
            {
                "--socket", Path.Combine(directory, "sock"), "--persistent", "--shared=8", "--export-name=",
                "--cache=writeback", "--aio=threads",
            },
        };
        string[] access = image.CanWrite ? ["--discard=unmap", "--detect-zeroes=unmap"] : ["--read-only"];
        foreach (string argument in access)
        {
            start.ArgumentList.Add(argument);
        }

        start.ArgumentList.Add($"json:{Description(path, image)}");
        try
        {
            return new QemuServer(Process.Start(start)!, directory, image.CanWrite);
        }
        catch (Win32Exception e)
        {
            Directory.Delete(directory, recursive: true);
            throw new TransferException(
                TransferError.NotSupported,
                $"{path} is of format {image.Format}, which needs qemu-nbd to be "
                + $"{(image.CanWrite ? "written in place" : "read")}, and that cannot be started: {e.Message}",
                e);
        }
    }

    private static string Description(string path, QemuImage image)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("driver", image.Format);
            json.WriteStartObject("file");
            if (image.Window is { } part)
            {
                json.WriteString("driver", "raw");
                json.WriteNumber("offset", part.Offset);
                json.WriteNumber("size", part.Size);
                json.WriteStartObject("file");
            }

            json.WriteString("driver", LocalStorage.IsBlockDevice(path) ? "host_device" : "file");
            json.WriteString("filename", Path.GetFullPath(path));
            if (image.Window is not null)
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
            $"qemu-nbd does not open {path} as {format}: "
                + $"{(text.Length > 0 ? text : $"it ended with {_process.ExitCode}")}", cause);
    }
}
