namespace ImageIO.Tests.Support.Nbd;

/// <summary>A scripted server's description of its export.</summary>
internal sealed record ScriptedExport
{
    public const ushort ReadOnlyFlag = 2;
    public const ushort FlushFlag = 4;
    public const ushort ZeroFlag = 64;
    public const ushort MultiConnFlag = 256;

    public ulong Size { get; init; } = 1024 * 1024;

    public ushort Flags { get; init; } = 1 | FlushFlag | ZeroFlag;

    public uint MinimumBlock { get; init; } = 1;

    public uint MaximumPayload { get; init; } = 32 * 1024 * 1024;

    public bool Structured { get; init; } = true;

    public IReadOnlyList<string> Bitmaps { get; init; } = [];

    public IReadOnlyList<(uint Id, string Name)> Contexts { get; init; } = [];
}
