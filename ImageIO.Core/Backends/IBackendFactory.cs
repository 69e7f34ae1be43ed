using ImageIO.Core.Errors;

namespace ImageIO.Core.Backends;

/// <summary>
/// Opens images of one kind. Found by scanning assemblies; one instance per host, used in parallel. Calls come on
/// threads that may be blocked. The constructor may ask for an <c>ILogger&lt;T&gt;</c> and for
/// <see cref="IBackendSections"/>.
/// </summary>
public interface IBackendFactory
{
    /// <summary>
    /// Unique name, like <c>file</c>, in logs, in metrics, and in the configuration section <c>[backend_NAME]</c>.
    /// </summary>
    string Name { get; }

    /// <summary>URL schemes it serves, in lower case. Several factories may serve one scheme.</summary>
    IReadOnlyCollection<string> Schemes { get; }

    /// <summary>
    /// Why this factory cannot open anything on this host, with the remedy, like <c>librbd.so.1 is missing: install
    /// librbd1</c>. Tickets with its schemes are refused with this sentence. Null: it can. Constant once constructed.
    /// </summary>
    string? Unavailable => null;

    /// <summary>
    /// Why a URL of its schemes can never be opened: it is malformed, or has an option that is not allowed. A ticket
    /// with the URL is refused with this sentence, so it must repeat no secret of the URL. Examines the text alone and
    /// never blocks. Null: the URL is acceptable.
    /// </summary>
    string? Refusal(ImageUrl url) => null;

    /// <summary>
    /// Whether it serves a URL of one of its schemes. Does not open the image. Exactly one factory may accept a URL.
    /// </summary>
    bool Accepts(ImageUrl url);

    /// <summary>Opens the image.</summary>
    /// <param name="url">A URL that it accepted.</param>
    /// <param name="access">How the image will be used.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: there is no such image, or it
    /// cannot be opened like this.</exception>
    ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken);
}
