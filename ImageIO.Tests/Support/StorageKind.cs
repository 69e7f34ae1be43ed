namespace ImageIO.Tests.Support;

/// <summary>The storage of a test of operations.</summary>
public enum StorageKind
{
    /// <summary><see cref="MemoryBackend"/>, which is strict about its contract.</summary>
    Memory,

    /// <summary>A real file, opened with O_DIRECT.</summary>
    File,
}
