using ImageIO.Core.Backends;
using ImageIO.Http.Messages;

namespace ImageIO.Web.Endpoints;

/// <summary>
/// The image of a request that was authorized. It is opened here, or another daemon serves it; each method answers the
/// client in full.
/// </summary>
internal interface IRequestedImage
{
    /// <summary>GET and HEAD of its bytes.</summary>
    /// <param name="context">The request.</param>
    /// <param name="range">Which. Null: all.</param>
    /// <param name="close">Whether to close the connection behind the answer.</param>
    Task GetAsync(HttpContext context, RangeHeader? range, bool close);

    /// <summary>PUT of bytes.</summary>
    Task PutAsync(HttpContext context, PutRequest put);

    /// <summary>PATCH that zeroes.</summary>
    Task ZeroAsync(HttpContext context, ZeroRequest zero);

    /// <summary>PATCH that flushes.</summary>
    /// <param name="context">The request.</param>
    /// <param name="body">Its body.</param>
    Task FlushAsync(HttpContext context, ReadOnlyMemory<byte> body);

    /// <summary>OPTIONS.</summary>
    Task OptionsAsync(HttpContext context);

    /// <summary>GET of its extents.</summary>
    Task ExtentsAsync(HttpContext context, ExtentContext wanted);

    /// <summary>GET of its checksum.</summary>
    Task ChecksumAsync(HttpContext context, ChecksumRequest checksum);
}
