using System.Diagnostics;
using ImageIO.Tests.Architecture;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Page;

/// <summary>The page's scripts are checked by their JSDoc types, as the C# is by its compiler.</summary>
public sealed class PageTypesTests
{
    [SkippableFact(Timeout = 120_000)]
    public async Task TypeScript_finds_nothing_wrong_in_the_scripts()
    {
        string compiler = Path.Combine(SourceTree.Root, "out", "tools", "node_modules", "typescript", "lib", "tsc.js");
        Skip.IfNot(File.Exists(compiler), "needs TypeScript: build/typescript.sh");
        string node = BalancerSample.Find("node") ?? throw new SkipException("needs node");
        using Process process = Process.Start(new ProcessStartInfo(
            node, [compiler, "--project", Path.Combine(SourceTree.Root, "ImageIO.Page", "jsconfig.json")])
        {
            RedirectStandardOutput = true,
        })!;

        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        Assert.True(process.ExitCode == 0, output);
    }
}
