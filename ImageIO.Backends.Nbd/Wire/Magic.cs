namespace ImageIO.Backends.Nbd.Wire;

/// <summary>Magic numbers at the start of messages (NBD's doc/proto.md).</summary>
internal static class Magic
{
    /// <summary>The server's first word: <c>NBDMAGIC</c>.</summary>
    public const ulong Greeting = 0x4e42444d41474943;

    /// <summary>The server's second word, and the first one of each option: <c>IHAVEOPT</c>.</summary>
    public const ulong Option = 0x49484156454f5054;

    /// <summary>The reply to an option.</summary>
    public const ulong OptionReply = 0x0003e889045565a9;

    /// <summary>A request.</summary>
    public const uint Request = 0x25609513;

    /// <summary>A reply without a length.</summary>
    public const uint SimpleReply = 0x67446698;

    /// <summary>One chunk of a structured reply.</summary>
    public const uint Chunk = 0x668e33ef;
}
