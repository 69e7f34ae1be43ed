using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

/// <summary>The cases around the edges of blocks: each test class runs all of them for its own operation.</summary>
internal static class BlockEdges
{
    /// <summary>Storage, block size, and image size: at block boundaries and one byte beside them.</summary>
    public static TheoryData<StorageKind, int, int> Images()
    {
        var cases = new TheoryData<StorageKind, int, int>();
        foreach (StorageKind kind in Enum.GetValues<StorageKind>())
        {
            foreach (int block in new[] { 512, 4096 })
            {
                int[] sizes = [0, 1, block - 1, block, block + 1, (2 * block) - 1, 2 * block, (4 * block) + 1];
                foreach (int size in sizes)
                {
                    cases.Add(kind, block, size);
                }
            }
        }

        return cases;
    }

    /// <summary>First and last byte of a block, one before, one past, and lengths that end at such places.</summary>
    public static IEnumerable<(int Offset, int Length)> Requests(int block)
    {
        foreach (int offset in new[] { 0, 1, block - 1, block, block + 1, (2 * block) - 1, 2 * block, (2 * block) + 1 })
        {
            int[] lengths = [1, block - 1, block, block + 1, (2 * block) - 1, 2 * block, (2 * block) + 1];
            foreach (int length in lengths)
            {
                yield return (offset, length);
            }
        }
    }
}
