namespace ImageIO.Tests.Support.Fuse;

/// <summary>One call as the file system received it.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="File">Name of the file. Null: the directory.</param>
/// <param name="Offset">First byte, where the call has one.</param>
/// <param name="Length">Bytes, or for <see cref="FuseOperation.Truncate"/> the new size.</param>
/// <param name="Mode">Flags of open(2), mode of fallocate(2), whence of lseek(2).</param>
internal readonly record struct FuseCall(FuseOperation Operation, string? File, long Offset, long Length, int Mode)
{
    /// <summary>One past the last byte.</summary>
    public long End => Offset + Length;

    /// <summary>Whether the file was opened with O_DIRECT, for calls on an open file.</summary>
    public bool IsDirect { get; init; }

    public override string ToString() => $"{Operation} {File} {Offset}+{Length} mode {Mode:x}";
}
