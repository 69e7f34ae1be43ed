using ImageIO.Backends.File;
using ImageIO.Core.Backends;
using ImageIO.Core.Ranges;
using ImageIO.Formats.Qcow2;

namespace ImageIO.Tests.Formats;

/// <summary>Opens files as images, and reads images to their end.</summary>
internal static class FormatFiles
{
    public static ValueTask<IBackend> OpenAsync(string path, bool write = false) =>
        new FileBackendFactory().OpenAsync(
            ImageUrl.Parse($"file:{path}"), new ImageAccess(write), CancellationToken.None);

    /// <summary>A qcow2 image with its whole chain, whose files all lie in one directory.</summary>
    public static async ValueTask<Qcow2Reader> OpenChainAsync(string path)
    {
        string directory = Path.GetDirectoryName(path)!;
        return await Qcow2Reader.OpenAsync(
            await OpenAsync(path),
            async (header, _) =>
            {
                string backing = Path.Combine(directory, header.BackingFile!);
                return header.BackingFormat == "qcow2" ? await OpenChainAsync(backing) : await OpenAsync(backing);
            },
            CancellationToken.None);
    }

    /// <summary>The guest's bytes, read in pieces of odd sizes.</summary>
    public static async Task<byte[]> ReadAllAsync(IBackend image, int step = 1_000_003)
    {
        byte[] content = new byte[image.Size];
        for (int position = 0; position < content.Length; position += step)
        {
            await image.ReadAsync(
                content.AsMemory(position, Math.Min(step, content.Length - position)),
                position, CancellationToken.None);
        }

        return content;
    }

    public static async Task<List<Extent>> ExtentsAsync(IBackend image)
    {
        var extents = new List<Extent>();
        await foreach (Extent extent in image.GetExtentsAsync(ExtentContext.Zero, CancellationToken.None))
        {
            extents.Add(extent);
        }

        return extents;
    }
}
