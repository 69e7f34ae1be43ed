using ImageIO.Tests.Support;
using Mono.Unix.Native;

namespace ImageIO.Tests.Page;

/// <summary>Files to upload, and what became of them.</summary>
internal static class SampleFile
{
    private const int Mebibyte = 1024 * 1024;
    private const int StatBlock = 512;

    /// <summary>A sparse file with noise at some places.</summary>
    /// <param name="directory">Where it goes.</param>
    /// <param name="size">In bytes.</param>
    /// <param name="noise">Where, and how much: mebibytes.</param>
    public static string Create(ImageDirectory directory, long size, params (long At, long Length)[] noise) =>
        Create(directory, $"source-{Guid.NewGuid():N}.raw", size, noise);

    /// <summary>The same with a name.</summary>
    public static string Create(ImageDirectory directory, string name, long size, (long At, long Length)[] noise)
    {
        string path = directory.File(name);
        using FileStream file = File.Create(path);
        file.SetLength(size);
        foreach ((long at, long length) in noise)
        {
            for (long done = 0; done < length; done++)
            {
                RandomAccess.Write(file.SafeFileHandle, TestImage.Random(Mebibyte), (at + done) * Mebibyte);
            }
        }

        return path;
    }

    /// <summary>The allocated bytes of a file.</summary>
    public static long AllocatedBytes(string path)
    {
        Assert.Equal(0, Syscall.stat(path, out Stat status));
        return status.st_blocks * StatBlock;
    }

    /// <summary>Fails where two files differ.</summary>
    public static async Task AssertSameAsync(string expected, string actual)
    {
        await using FileStream one = File.OpenRead(expected);
        await using FileStream other = File.OpenRead(actual);
        Assert.Equal(one.Length, other.Length);
        byte[] ours = new byte[Mebibyte];
        byte[] theirs = new byte[Mebibyte];
        for (int length; (length = await one.ReadAtLeastAsync(ours, ours.Length, throwOnEndOfStream: false)) > 0;)
        {
            await other.ReadExactlyAsync(theirs.AsMemory(0, length));
            Assert.True(
                ours.AsSpan(0, length).SequenceEqual(theirs.AsSpan(0, length)), $"It differs before {one.Position}");
        }
    }
}
