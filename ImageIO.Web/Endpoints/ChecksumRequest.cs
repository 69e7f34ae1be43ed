using ImageIO.Core.Operations;

namespace ImageIO.Web.Endpoints;

/// <summary>Which checksum is asked for.</summary>
/// <param name="Algorithm">Its name.</param>
/// <param name="BlockSize">Bytes of a block.</param>
/// <param name="NewHash">Makes a hash.</param>
internal sealed record ChecksumRequest(string Algorithm, int BlockSize, Func<IBlockHash> NewHash);
