using ImageIO.Fuzz.Targets;
using SharpFuzz;

namespace ImageIO.Fuzz;

/// <summary>
/// <c>ImageIO.Fuzz TARGET</c>, started by afl-fuzz: passes it inputs until the target fails. Without afl-fuzz: one
/// input from standard input, to examine a finding. Without TARGET: the names of all.
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (args is not [string name] || !FuzzTarget.All.TryGetValue(name, out Action<byte[]>? target))
        {
            await Console.Out.WriteLineAsync(string.Join('\n', FuzzTarget.All.Keys));
            return args.Length == 0 ? 0 : 1;
        }

        Fuzzer.Run(input =>
        {
            using var bytes = new MemoryStream();
            input.CopyTo(bytes);
            target(bytes.ToArray());
        });
        return 0;
    }
}
