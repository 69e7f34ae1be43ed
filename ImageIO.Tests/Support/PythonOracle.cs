using System.Text.Json;
using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;

namespace ImageIO.Tests.Support;

/// <summary>Asks Python's own library what is right, for what must behave like it.</summary>
internal static class PythonOracle
{
    private const string Python = "/usr/bin/python3";

    /// <summary>
    /// Runs a script once for all inputs: it finds them as a list <c>inputs</c>, and sets <c>outputs</c>.
    /// </summary>
    public static async Task<JsonArray> AskAsync(string script, IEnumerable<string> inputs)
    {
        Skip.IfNot(File.Exists(Python), $"needs {Python}");
        BufferedCommandResult result = await Cli.Wrap(Python)
            .WithArguments(
                ["-c", $"import json, sys\ninputs = json.load(sys.stdin)\n{script}\nprint(json.dumps(outputs))"])
            .WithStandardInputPipe(PipeSource.FromString(JsonSerializer.Serialize(inputs)))
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync();
        Assert.True(result.ExitCode == 0, result.StandardError);
        return JsonNode.Parse(result.StandardOutput)!.AsArray();
    }
}
