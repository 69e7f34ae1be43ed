using ImageIO.Core.Errors;

namespace ImageIO.Core.Backends;

/// <summary>
/// Opens images of one kind. Found by scanning assemblies; one instance per host, used in parallel. The calls that look
/// at or open an image come on threads that may be blocked. The constructor may ask for an <c>ILogger&lt;T&gt;</c> and
/// for <see cref="IBackendSections"/>.
/// </summary>
public interface IBackendFactory
{
    /// <summary>
    /// Unique name, like <c>file</c>: shown in logs and metrics, and the name of the configuration section
    /// <c>[backend_NAME]</c>.
    /// </summary>
    string Name { get; }

    /// <summary>URL schemes it serves, in lower case. Several factories may serve one scheme.</summary>
    IReadOnlyCollection<string> Schemes { get; }

    /// <summary>
    /// Why this factory cannot open anything on this host, with the remedy, like <c>librbd.so.1 is missing: install
    /// librbd1</c>. Tickets with its schemes are refused with this sentence. Null: it can. Fixed once constructed.
    /// </summary>
    string? Unavailable => null;

    /// <summary>
    /// Why a URL of one of its schemes can never be opened, whatever the storage holds: it is malformed, or has an
    /// option that is not allowed. Asked when a ticket is installed, which is then refused with this sentence, so it
    /// repeats no secret that the URL may contain. Looks at the text alone and never blocks. Null: nothing is wrong
    /// with it.
    /// </summary>
    string? Refusal(ImageUrl url) => null;

    /// <summary>
    /// Whether a URL of one of its schemes is its own. A look, not an open; exactly one factory may accept a URL.
    /// </summary>
    bool Accepts(ImageUrl url);

    /// <summary>Opens the image.</summary>
    /// <param name="url">A URL that it accepted.</param>
    /// <param name="access">What the image will be used for.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.ImageUnavailable"/>: there is no such image, or it cannot be opened so.
    /// </exception>
    ValueTask<IBackend> OpenAsync(ImageUrl url, ImageAccess access, CancellationToken cancellationToken);
}
