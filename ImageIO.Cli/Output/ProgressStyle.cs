namespace ImageIO.CommandLine.Output;

/// <summary>The forms of progress.</summary>
internal enum ProgressStyle
{
    /// <summary>A line on a terminal that is overwritten.</summary>
    Text,

    /// <summary>The line of <c>ovirt-img</c>, to any output.</summary>
    ReferenceText,

    /// <summary>Lines of text at intervals, for files and pipes.</summary>
    PlainText,

    /// <summary>JSON with all that <c>imageio</c> knows.</summary>
    Json,

    /// <summary>JSON as <c>ovirt-img</c> writes it.</summary>
    ReferenceJson,
}
