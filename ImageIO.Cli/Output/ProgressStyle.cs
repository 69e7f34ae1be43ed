namespace ImageIO.CommandLine.Output;

/// <summary>The forms of progress.</summary>
internal enum ProgressStyle
{
    /// <summary>A line that is written over, on a terminal.</summary>
    Text,

    /// <summary>That line as <c>ovirt-img</c> writes it, wherever it goes.</summary>
    ReferenceText,

    /// <summary>Lines of text at intervals, where nobody looks.</summary>
    PlainText,

    /// <summary>JSON with what <c>imageio</c> knows.</summary>
    Json,

    /// <summary>JSON as <c>ovirt-img</c> writes it.</summary>
    ReferenceJson,
}
