namespace ImageIO.Backends.Nbd.Wire;

/// <summary>The options that this client sends while it negotiates.</summary>
internal enum Option : uint
{
    /// <summary>Start TLS.</summary>
    StartTls = 5,

    /// <summary>Choose the export, and start with requests.</summary>
    Go = 7,

    /// <summary>Replies in chunks, which extents need.</summary>
    StructuredReply = 8,

    /// <summary>List the export's metadata contexts.</summary>
    ListMetaContext = 9,

    /// <summary>Choose metadata contexts.</summary>
    SetMetaContext = 10,
}
