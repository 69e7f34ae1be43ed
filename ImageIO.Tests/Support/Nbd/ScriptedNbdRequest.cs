namespace ImageIO.Tests.Support.Nbd;

/// <summary>A request as a scripted server received it.</summary>
internal sealed record ScriptedNbdRequest(
    ushort Flags, ushort Command, ulong Cookie, ulong Offset, uint Length, byte[] Payload)
{
    public const ushort Read = 0;
    public const ushort Write = 1;
    public const ushort Disconnect = 2;
    public const ushort Flush = 3;
    public const ushort Zero = 6;
    public const ushort Status = 7;
}
