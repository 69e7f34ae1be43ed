using ImageIO.Core.Backends;
using ImageIO.Http.Messages;

namespace ImageIO.Web.Endpoints;

/// <summary>
/// The image of an authorized request, opened here or forwarded to another daemon. Each method answers the client in
/// full.
/// </summary>
internal interface IRequestedImage
{
    /// <summary>GET and HEAD of image bytes.</summary>
    /// <param name="context">The request.</param>
    /// <param name="range">The range. Null: the whole image.</param>
    /// <param name="close">Whether to close the connection after the answer.</param>
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
