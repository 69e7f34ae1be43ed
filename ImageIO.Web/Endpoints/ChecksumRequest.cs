using ImageIO.Core.Operations;

namespace ImageIO.Web.Endpoints;

/// <summary>The parameters of a checksum.</summary>
/// <param name="Algorithm">Its name.</param>
/// <param name="BlockSize">Bytes of a block.</param>
/// <param name="NewHash">Makes a hash.</param>
internal sealed record ChecksumRequest(string Algorithm, int BlockSize, Func<IBlockHash> NewHash);
