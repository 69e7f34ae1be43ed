using ImageIO.Core.Buffers;

namespace ImageIO.Tests.Buffers;

public sealed class AlignmentTests
{
    [Theory]
    [InlineData(0, 512, 0, 0)]
    [InlineData(1, 512, 0, 512)]
    [InlineData(511, 512, 0, 512)]
    [InlineData(512, 512, 512, 512)]
    [InlineData(513, 512, 512, 1024)]
    [InlineData(4095, 4096, 0, 4096)]
    [InlineData(4097, 4096, 4096, 8192)]
    [InlineData(7, 1, 7, 7)]
    [InlineData(long.MaxValue, 4096, long.MaxValue - 4095, long.MaxValue - 4095)]
    [InlineData(long.MaxValue - 4095, 4096, long.MaxValue - 4095, long.MaxValue - 4095)]
    public void Down_and_up_meet_the_nearest_multiples(long value, int block, long down, long up)
    {
        Assert.Equal(down, Alignment.Down(value, block));
        Assert.Equal(up, Alignment.Up(value, block));
        Assert.Equal(value % block == 0, Alignment.IsAligned(value, block));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(-512, false)]
    [InlineData(1, true)]
    [InlineData(511, false)]
    [InlineData(512, true)]
    [InlineData(65536, true)]
    [InlineData(131072, false)]
    public void Block_sizes_are_powers_of_two_up_to_64_KiB(int block, bool isBlockSize) =>
        Assert.Equal(isBlockSize, Alignment.IsBlockSize(block));
}
