using ImageIO.Bench;

namespace ImageIO.Tests.Bench;

/// <summary>bench/compare tells changes from noise.</summary>
public sealed class ComparerTests
{
    private const string Work = "upload";

    [Theory]
    [InlineData(1.0, 0.05, 1.09, 0.05, "within the noise")]
    [InlineData(1.0, 0.05, 1.11, 0.05, "more")]
    [InlineData(1.0, 0.05, 0.89, 0.05, "less")]
    [InlineData(1.0, 0.0, 1.02, 0.0, "within the noise")]
    [InlineData(1.0, 0.0, 1.04, 0.0, "more")]
    public void A_change_counts_if_it_is_larger_than_the_noise_of_both_runs(
        double before, double noiseBefore, double after, double noiseAfter, string change)
    {
        string[] line = Assert.Single(Comparer.Lines(
            Run(new Row(Work, "imageio") { CpuPerGiB = before, CpuNoise = noiseBefore }),
            Run(new Row(Work, "imageio") { CpuPerGiB = after, CpuNoise = noiseAfter })));

        Assert.Equal(change, line[^1]);
    }

    [Fact]
    public void Servers_of_one_work_are_compared_each_with_itself_and_figures_of_other_kinds_by_name()
    {
        Comparer.Run a = Run(
            new Row(Work, "nginx") { CpuPerGiB = 1 },
            new Row(Work, "imageio") { CpuPerGiB = 2, Figures = new Dictionary<string, double> { ["MiB"] = 70 } });
        Comparer.Run b = Run(
            new Row(Work, "imageio") { CpuPerGiB = 1, Figures = new Dictionary<string, double> { ["MiB"] = 60 } },
            new Row(Work, "nginx") { CpuPerGiB = 1 });

        Assert.Equal(
            ["nginx CPU s/GiB within the noise", "imageio CPU s/GiB less", "imageio MiB less"],
            Comparer.Lines(a, b).Select(line => $"{line[1]} {line[2]} {line[^1]}"));
    }

    [Fact]
    public void Works_of_one_run_alone_are_named() => Assert.Equal(
        ["only in A", "only in B"],
        Comparer.Lines(Run(new Row("upload", "imageio")), Run(new Row("download", "imageio"))).Select(
            line => line[^1]));

    [Fact]
    public void Noise_is_half_of_the_distance_between_the_quartiles_by_the_median()
    {
        Assert.Equal(0.1, Scoreboard.Noise([8, 9, 10, 11, 12]), precision: 6);
        Assert.Equal(0, Scoreboard.Noise([7]), precision: 6);
    }

    private static Comparer.Run Run(params Row[] rows) => new(new Dictionary<string, string>(), rows);
}
