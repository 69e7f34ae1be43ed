namespace ImageIO.Tests.Support;

/// <summary>A fenced block of a page in <c>docs/</c>.</summary>
/// <param name="Heading">The heading of the second or third level that it stands under.</param>
/// <param name="Language">The word behind the fence; empty if there is none.</param>
/// <param name="Text">The lines between the fences.</param>
internal sealed record MarkdownBlock(string Heading, string Language, string Text)
{
    private const string Fence = "```";

    /// <summary>All blocks of a page, in order.</summary>
    public static IReadOnlyList<MarkdownBlock> Read(string page)
    {
        var blocks = new List<MarkdownBlock>();
        string heading = "";
        string? language = null;
        var text = new List<string>();
        foreach (string line in RepositoryFiles.ReadLines("docs", page))
        {
            if (line.StartsWith(Fence, StringComparison.Ordinal))
            {
                if (language is not null)
                {
                    blocks.Add(new MarkdownBlock(heading, language, string.Join('\n', text)));
                    text.Clear();
                }

                language = language is null ? line[Fence.Length..].Trim() : null;
            }
            else if (language is not null)
            {
                text.Add(line);
            }
            else if (line.StartsWith("## ", StringComparison.Ordinal)
                || line.StartsWith("### ", StringComparison.Ordinal))
            {
                heading = line.TrimStart('#').Trim();
            }
        }

        Assert.True(language is null, $"{page} has a block without an end");
        return blocks;
    }
}
