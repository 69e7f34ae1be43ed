using ImageIO.Client;
using ImageIO.Client.Copying;
using ImageIO.Client.Transport;
using ImageIO.Core.Errors;

namespace ImageIO.Tests.Client;

/// <summary>The programs of docs/client.md, word for word between the marks.</summary>
internal static class DocumentedPrograms
{
    /// <summary>The synopsis.</summary>
    public static async Task ShortAsync(string url)
    {
        // docs/client.md
        await using ImageFile image = await ImageFile.OpenAsync("disk.qcow2", null, CancellationToken.None);
        await using TransferClient server = await TransferClient.OpenAsync(url, null, CancellationToken.None);
        await Copier.UploadAsync(
            image.Backend, server, new CopyOptions { Verifies = true }, null, CancellationToken.None);
        // end
    }

    /// <summary>The example.</summary>
    public static async Task<int> UploadAsync(string[] args)
    {
        // docs/client.md
        string path = args[0], url = args[1], authorities = args[2];
        try
        {
            await using ImageFile image = await ImageFile.OpenAsync(path, null, CancellationToken.None);
            await using TransferClient server = await TransferClient.OpenAsync(
                url, new TransferClientOptions { CaFile = authorities }, CancellationToken.None);
            await Copier.UploadAsync(
                image.Backend, server, new CopyOptions { Verifies = true },
                new Progress<TransferProgress>(now => Console.Error.Write($"\r{now.Transferred * 100 / now.Size} %")),
                CancellationToken.None);
            return 0;
        }
        catch (TransferException e)
        {
            Console.Error.WriteLine($"{e.Error}: {e.Message}");
            return 1;
        }
        // end
    }
}
