using ImageIO.Backends.Nbd.Wire;

namespace ImageIO.Backends.Nbd.Negotiation;

/// <summary>The result of an option.</summary>
/// <param name="Type">The acknowledgement, or an error.</param>
/// <param name="Text">The server's text for an error; may be empty.</param>
internal readonly record struct OptionResult(OptionReplyType Type, string Text)
{
    /// <summary>Whether the server accepted the option.</summary>
    public bool IsAck => Type == OptionReplyType.Ack;

    /// <inheritdoc />
    public override string ToString()
    {
        string name = Enum.IsDefined(Type) ? $"{Type}" : $"{(uint)Type:x8}";
        return Text.Length > 0 ? $"{name}, \"{Text}\"" : name;
    }
}
