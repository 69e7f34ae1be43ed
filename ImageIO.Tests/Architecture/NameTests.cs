using System.Text.RegularExpressions;

namespace ImageIO.Tests.Architecture;

/// <summary>Names that say nothing, and texts that hold elsewhere only.</summary>
public sealed partial class NameTests
{
    [Fact]
    public void No_type_or_file_bears_a_name_that_attracts_everything()
    {
        var wrong = new List<string>();
        foreach (string file in SourceTree.SourceFiles())
        {
            wrong.AddRange(TypeName().Matches(File.ReadAllText(file))
                .Select(match => match.Groups["name"].Value)
                .Append(Path.GetFileNameWithoutExtension(file))
                .Where(name => BannedName().IsMatch(name))
                .Select(name => $"{name} in {SourceTree.Relative(file)}"));
        }

        Assert.Empty(wrong.Distinct());
    }

    [Fact]
    public void A_file_holds_one_type_of_its_own_name()
    {
        IEnumerable<string> wrong = SourceTree.SourceFiles()
            .Where(file => Path.GetFileName(file) is not ("Program.cs" or "AssemblyInfo.cs"))
            // Programs of one file, for the build: they begin with "#:" and are statements.
            .Where(file => !File.ReadLines(file).First().StartsWith("#:", StringComparison.Ordinal))
            .Where(file => !TypeName().Matches(File.ReadAllText(file))
                .Select(match => match.Groups["name"].Value)
                .Contains(Path.GetFileName(file).Split('.')[0]))
            .Select(SourceTree.Relative);

        Assert.Empty(wrong);
    }

    // A path that exists only on its author's machine.
    [Fact]
    public void No_file_names_a_path_of_somebodys_machine()
    {
        string[] kinds = [".cs",
            ".csproj", ".props", ".targets", ".slnx", ".md", ".sh", ".json", ".conf", ".yml", ".service"];
        IEnumerable<string> wrong = Directory
            .EnumerateFiles(
                SourceTree.Root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .Where(file => !SourceTree.Relative(file).Split('/').Any(part => part is "bin" or "obj" or "out" or ".git"))
            .Where(file => kinds.Contains(Path.GetExtension(file)) || Path.GetFileName(file) == "Makefile")
            .SelectMany(file => File.ReadLines(file)
                .Where(line => ForeignPath().IsMatch(line))
                .Select(line => $"{SourceTree.Relative(file)}: {line.Trim()}"));

        Assert.Empty(wrong);
    }

    [GeneratedRegex(@"^\s*(?:(?:public|internal|private|protected|static|sealed|abstract|readonly|partial|unsafe|ref|"
        + @"file)\s+)*(?:class|struct|interface|enum|record(?:\s+(?:class|struct))?|delegate\s+\S+)\s+(?<name>\w+)",
        RegexOptions.Multiline)]
    private static partial Regex TypeName();

    [GeneratedRegex("(Manager|Helpers?|Utils?|Utility|Utilities|Common)$")]
    private static partial Regex BannedName();

    [GeneratedRegex(@"(?<![\w.}$/])/(?:work|root|home/\w+|Users|mnt)/\w")]
    private static partial Regex ForeignPath();
}
