namespace ImageIO.Tests.Support;

/// <summary>Files of the repository that tests compare with the code.</summary>
internal static class RepositoryFiles
{
    /// <summary>The directory of the solution, above the one where the tests were built.</summary>
    public static string Root { get; } = FindRoot();

    public static string[] ReadLines(params string[] path) => File.ReadAllLines(Path.Combine([Root, .. path]));

    private static string FindRoot()
    {
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(
            directory))
        {
            if (File.Exists(Path.Combine(directory, "ImageIO.slnx")))
            {
                return directory;
            }
        }

        throw new InvalidOperationException($"No directory above {AppContext.BaseDirectory} has ImageIO.slnx");
    }
}
