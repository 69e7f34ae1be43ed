using System.Globalization;

namespace ImageIO.Tests.Support;

/// <summary>Reads one value from metrics in Prometheus' text format.</summary>
internal static class PrometheusText
{
    /// <summary>The value of the only series with this name and, among others, these labels.</summary>
    public static double Value(string[] metrics, string name, params string[] labels)
    {
        string line = Assert.Single(metrics, line =>
            (line.StartsWith(
                name + "{", StringComparison.Ordinal) || line.StartsWith(name + " ", StringComparison.Ordinal))
            && labels.All(label => line.Contains(label, StringComparison.Ordinal)));
        int end = Math.Max(line.LastIndexOf('}') + 1, name.Length);
        // A time may follow the value.
        return double.Parse(line[end..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
    }
}
