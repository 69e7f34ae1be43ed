using System.Globalization;
using Xunit.Abstractions;

namespace ImageIO.Tests.Endurance;

/// <summary>Rounds of a random test: a few, or as many as the time of <c>make endure</c> allows.</summary>
internal static class Rounds
{
    // More than any round takes on a busy machine.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private static readonly int Seconds = Number("IMAGEIO_ENDURE_SECONDS", 0);

    /// <summary>Whether <c>make endure</c> runs.</summary>
    public static bool AreMany => Seconds > 0;

    /// <summary>Runs rounds; the failure of one names its seed.</summary>
    /// <param name="few">How many outside of <c>make endure</c>. Their seeds are the same each time.</param>
    /// <param name="output">Receives the number of rounds and their seeds.</param>
    /// <param name="round">One round.</param>
    public static async Task RunAsync(int few, ITestOutputHelper output, Func<Random, Task> round)
    {
        long started = TimeProvider.System.GetTimestamp();
        int first = Number("IMAGEIO_ENDURE_SEED", AreMany ? Random.Shared.Next(1, 1_000_000_000) : 1);
        int seed = first;
        while (AreMany
            ? TimeProvider.System.GetElapsedTime(started).TotalSeconds < Seconds
            : seed < first + few)
        {
            try
            {
                await round(new Random(seed)).WaitAsync(Longest);
            }
            catch (Exception e) when (e is not SkipException)
            {
                throw new InvalidOperationException(
                    $"The round with seed {seed} failed, after {seed - first} that did not: {e.Message}", e);
            }

            seed++;
        }

        output.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{seed - first} rounds, seeds {first} to {seed - 1}"));
    }

    private static int Number(string variable, int otherwise) => int.TryParse(
        Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out int number)
            ? number
            : otherwise;
}
