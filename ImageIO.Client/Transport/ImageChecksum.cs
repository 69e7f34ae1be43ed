namespace ImageIO.Client.Transport;

/// <summary>The checksum of an image: the hash of its blocks' hashes.</summary>
/// <param name="Algorithm">Name of the hash, like <c>blake2b</c>.</param>
/// <param name="BlockSize">Bytes of a block.</param>
/// <param name="Checksum">The hash in hexadecimal digits.</param>
public sealed record ImageChecksum(string Algorithm, int BlockSize, string Checksum)
{
    /// <summary>BLAKE2b with digests of 32 bytes, the servers' default.</summary>
    public const string DefaultAlgorithm = "blake2b";

    /// <summary>Bytes of a block, the servers' default.</summary>
    public const int DefaultBlockSize = 4 * 1024 * 1024;
}
