namespace ImageIO.Backends.Nbd.Wire;

/// <summary>The kind of a reply to an option. Other types with bit 31 are errors, too; others without it are
/// unknown.</summary>
internal enum OptionReplyType : uint
{
    /// <summary>Done; the last reply to an option.</summary>
    Ack = 1,

    /// <summary>A property of the export, before the acknowledgement.</summary>
    Info = 3,

    /// <summary>A metadata context and its id, before the acknowledgement.</summary>
    MetaContext = 4,

    /// <summary>Bit 31: the option failed.</summary>
    Error = 0x8000_0000,

    /// <summary>The server does not know the option.</summary>
    Unsupported = 0x8000_0001,

    /// <summary>The server does not allow it.</summary>
    Policy = 0x8000_0002,

    /// <summary>The server considers the option invalid.</summary>
    Invalid = 0x8000_0003,

    /// <summary>The server wants TLS first.</summary>
    TlsRequired = 0x8000_0005,

    /// <summary>There is no such export.</summary>
    UnknownExport = 0x8000_0006,
}
