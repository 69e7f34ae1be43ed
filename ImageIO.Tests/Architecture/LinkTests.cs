using System.Text.RegularExpressions;
using ImageIO.Tests.Support;

namespace ImageIO.Tests.Architecture;

/// <summary>Pages can be found from the README, and links between them lead somewhere.</summary>
public sealed partial class LinkTests
{
    // Fragments of links to a heading are made as GitHub and most other renderers make them.
    private static readonly Dictionary<string, string[]> AnchorsByPage = Pages().ToDictionary(page => page, Anchors);

    [Fact]
    public void README_links_to_every_page()
    {
        string readme = Path.Combine(RepositoryFiles.Root, "README.md");
        IEnumerable<string> linked = LinksOf(readme).Select(link => Resolve(readme, link.Path));

        Assert.Empty(Pages().Where(page => page != readme).Except(linked));
    }

    [Fact]
    public void Links_between_pages_lead_to_files_and_headings_that_exist()
    {
        IEnumerable<string> broken =
            from page in Pages()
            from link in LinksOf(page)
            where !IsAlive(page, link)
            select $"{Path.GetRelativePath(RepositoryFiles.Root, page)}: {link.Path}#{link.Anchor}";

        Assert.Empty(broken);
    }

    private static bool IsAlive(string page, (string Path, string Anchor) link)
    {
        string target = Resolve(page, link.Path);
        return Path.Exists(target)
            && (link.Anchor.Length == 0
                || (AnchorsByPage.TryGetValue(target, out string[]? anchors) && anchors.Contains(link.Anchor)));
    }

    private static string Resolve(string page, string path) =>
        path.Length == 0 ? page : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, path));

    private static string[] Pages() =>
    [
        Path.Combine(RepositoryFiles.Root, "README.md"),
        Path.Combine(RepositoryFiles.Root, "CHANGELOG.md"),
        .. Directory.GetFiles(Path.Combine(RepositoryFiles.Root, "docs"), "*.md", SearchOption.AllDirectories),
        .. Directory.GetFiles(Path.Combine(RepositoryFiles.Root, "examples"), "README.md", SearchOption.AllDirectories),
    ];

    private static IEnumerable<(string Path, string Anchor)> LinksOf(string page) =>
        from Match match in Link().Matches(File.ReadAllText(page))
        let path = match.Groups["path"].Value
        where !path.Contains("://", StringComparison.Ordinal)
        select (path, match.Groups["anchor"].Value);

    private static string[] Anchors(string page) =>
    [
        .. File.ReadLines(page)
            .Where(line => line.StartsWith('#'))
            .Select(line => NoAnchorCharacter().Replace(line.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(
                ' ', '-')),
    ];

    [GeneratedRegex(@"\]\((?<path>[^)#\s]*)(?:#(?<anchor>[^)\s]*))?\)", RegexOptions.CultureInvariant)]
    private static partial Regex Link();

    [GeneratedRegex(@"[^\w\- ]", RegexOptions.CultureInvariant)]
    private static partial Regex NoAnchorCharacter();
}
