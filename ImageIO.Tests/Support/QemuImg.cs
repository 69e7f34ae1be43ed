using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;

namespace ImageIO.Tests.Support;

/// <summary>qemu's tools, which make and judge images.</summary>
internal static class QemuImg
{
    /// <summary>Skips the test where the tools are missing.</summary>
    public static void Require() =>
        Skip.If(!File.Exists(
            "/usr/bin/qemu-img") || !File.Exists("/usr/bin/qemu-io"), "qemu-img and qemu-io are not installed");

    /// <summary>Runs <c>qemu-img</c>; what it prints.</summary>
    public static Task<string> RunAsync(params string[] arguments) => RunToolAsync("qemu-img", arguments);

    /// <summary>Runs commands of <c>qemu-io</c> on an image.</summary>
    public static Task<string> IoAsync(string file, params string[] commands) => RunToolAsync(
        "qemu-io", ["-f", "qcow2", .. commands.SelectMany(command => (string[])["-c", command]), file]);

    /// <summary>Fails unless the image is without errors and leaks.</summary>
    public static Task CheckAsync(string file) => RunAsync("check", "-q", "-f", "qcow2", file);

    /// <summary>Fails unless both images hold the same guest's bytes.</summary>
    public static Task CompareAsync(string format, string file, string otherFormat, string other) =>
        RunAsync("compare", "-f", format, "-F", otherFormat, file, other);

    /// <summary>The output of <c>qemu-img map</c> for an image.</summary>
    public static async Task<JsonArray> MapAsync(string file) =>
        JsonNode.Parse(await RunAsync("map", "--output=json", "-f", "qcow2", file))!.AsArray();

    private static async Task<string> RunToolAsync(string tool, IEnumerable<string> arguments)
    {
        BufferedCommandResult result = await Cli.Wrap(tool)
            .WithArguments(arguments)
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        Assert.True(
            result.ExitCode == 0,
            $"{tool} {string.Join(' ', arguments)} ended with {result.ExitCode}: "
                + $"{result.StandardError}{result.StandardOutput}");
        return result.StandardOutput;
    }
}
