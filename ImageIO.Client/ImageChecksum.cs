namespace ImageIO.Client;

/// <summary>The checksum of an image: the hash of its blocks' hashes.</summary>
/// <param name="Algorithm">Name of the hash, like <c>blake2b</c>.</param>
/// <param name="BlockSize">Bytes of a block.</param>
/// <param name="Checksum">The hash in hexadecimal digits.</param>
public sealed record ImageChecksum(string Algorithm, int BlockSize, string Checksum);
