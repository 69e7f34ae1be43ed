namespace ImageIO.Tests.Support;

/// <summary>What a test of operations runs on.</summary>
public enum StorageKind
{
    /// <summary><see cref="MemoryBackend"/>, which is strict about its contract.</summary>
    Memory,

    /// <summary>A real file, opened with O_DIRECT.</summary>
    File,
}
