using CsCheck;
using ImageIO.Core.Backends;
using ImageIO.Core.Operations;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Operations;

/// <summary>Any sequence of operations leaves the image as a byte array says that it must be.</summary>
public sealed class ImageModelTests
{
    private enum Kind
    {
        Write,
        Allocate,
        Deallocate,
        Flush,
        Read,
    }

    [SkippableTheory(Timeout = 80_000)]
    [InlineData(StorageKind.Memory, 512, 300)]
    [InlineData(StorageKind.Memory, 4096, 300)]
    [InlineData(StorageKind.File, 512, 60)]
    [InlineData(StorageKind.File, 4096, 60)]
    public async Task Any_sequence_of_operations_equals_a_byte_array(StorageKind storage, int block, int sequences)
    {
        await Sequences(block).SampleAsync(
            async run =>
            {
                byte[] model = Bytes.Random(run.Size);
                await using StorageImage image = await StorageImage.CreateAsync(storage, block, model);
                foreach ((Kind kind, int offset, int length) in run.Steps)
                {
                    model = await StepAsync(image, model, kind, offset, length);
                    Assert.Equal(model.Length, await image.Image.GetSizeAsync());
                }

                Bytes.AssertEqual(model, image.Content, "content");
            },
            iter: sequences,
            threads: 1);
    }

    // Around block edges as often as anywhere.
    private static Gen<(int Size, (Kind, int, int)[] Steps)> Sequences(int block)
    {
        Gen<int> edge = Gen.Select(Gen.Int[0, 6], Gen.Int[-1, 1]).Select((n, d) => Math.Max(0, (n * block) + d));
        Gen<int> place = Gen.OneOf(edge, Gen.Int[0, 6 * block]);
        Gen<(Kind, int, int)> step = Gen.Select(Gen.Enum<Kind>(), place, place);
        return Gen.Select(place, step.Array[1, 12]);
    }

    private static async Task<byte[]> StepAsync(StorageImage image, byte[] model, Kind kind, int offset, int length)
    {
        switch (kind)
        {
            case Kind.Write:
                byte[] data = Bytes.Random(length, offset);
                await image.WriteAsync(offset, data);
                return Bytes.Written(model, offset, data);
            case Kind.Flush:
                await new FlushOperation(image.Image).RunAsync(CancellationToken.None);
                return model;
            case Kind.Read:
                offset = Math.Min(offset, model.Length);
                length = Math.Min(length, model.Length - offset);
                byte[] read = await image.ReadAsync(offset, length);
                Bytes.AssertEqual(model.AsSpan(offset, length), read, $"read of {length} bytes at {offset}");
                return model;
            default:
                await image.ZeroAsync(offset, length, kind == Kind.Allocate ? ZeroMode.Allocate : ZeroMode.Deallocate);
                return Bytes.Written(model, offset, new byte[length]);
        }
    }
}
