using ImageIO.Http.Heads;

namespace ImageIO.Fuzz.Targets;

/// <summary>The line before a chunk of a daemon's answer.</summary>
internal static class ChunkTarget
{
    public static void Run(byte[] input)
    {
        long length;
        try
        {
            length = ChunkLine.Parse(input);
        }
        catch (FormatException)
        {
            return;
        }

        FuzzTarget.MustHold(length >= 0, "no chunk has a negative length");
        FuzzTarget.MustHold(
            input.TakeWhile(b => b is not ((byte)';' or (byte)' ' or (byte)'\t')).All(
                b => char.IsAsciiHexDigit((char)b)),
            "a length is digits");
        if (length is > 0 and <= int.MaxValue)
        {
            byte[] line = new byte[16];
            int written = ChunkLine.Write((int)length, line);
            FuzzTarget.MustHold(
                ChunkLine.Parse(line.AsSpan(0, written - 2)) == length, "a line that we write is read as it was meant");
        }
    }
}
