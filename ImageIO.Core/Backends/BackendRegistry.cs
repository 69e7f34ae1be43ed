using System.Diagnostics.CodeAnalysis;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Backends;

/// <summary>All backends by name, and the choice of one for a URL.</summary>
public sealed class BackendRegistry
{
    private readonly Dictionary<string, IBackendFactory> _byName = new(StringComparer.Ordinal);
    private readonly ILookup<string, IBackendFactory> _byScheme;
    private readonly IReadOnlyCollection<string> _forwardedSchemes;

    /// <summary>Indexes the factories.</summary>
    /// <param name="factories">The backends.</param>
    /// <param name="forwardedSchemes">Schemes whose requests the host forwards. Null: none.</param>
    /// <exception cref="InvalidOperationException">Two factories have the same name.</exception>
    public BackendRegistry(IEnumerable<IBackendFactory> factories, IReadOnlyCollection<string>? forwardedSchemes = null)
    {
        ArgumentNullException.ThrowIfNull(factories);
        _forwardedSchemes = forwardedSchemes ?? [];
        foreach (IBackendFactory factory in factories)
        {
            if (!_byName.TryAdd(factory.Name, factory))
            {
                throw new InvalidOperationException(
                    $"Two backends bear the name '{factory.Name}': {Describe(_byName[factory.Name])} and "
                    + $"{Describe(factory)}. Remove one of them.");
            }
        }

        _byScheme = _byName.Values
            .SelectMany(factory => factory.Schemes, (factory, scheme) => (scheme, factory))
            .ToLookup(pair => pair.scheme, pair => pair.factory, StringComparer.Ordinal);
    }

    /// <summary>All factories.</summary>
    public IReadOnlyCollection<IBackendFactory> Factories => _byName.Values;

    /// <summary>
    /// Throws unless a backend serves the URL or the host forwards its scheme. Examines only the URL.
    /// </summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: no such scheme, or its backends
    /// are unavailable or refuse the URL.</exception>
    public void RequireServable(ImageUrl url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (!_byScheme.Contains(url.Scheme))
        {
            if (_forwardedSchemes.Contains(url.Scheme))
            {
                return;
            }

            string known = string.Join(
                ", ", _byScheme.Select(group => group.Key).Union(_forwardedSchemes).Order(StringComparer.Ordinal));
            throw new TransferException(
                TransferError.InvalidRequest, $"Unsupported URL scheme '{url.Scheme}', supported: {known}");
        }

        string?[] refusals = [.. _byScheme[url.Scheme].Select(factory => Refusal(factory, url))];
        if (refusals.All(refusal => refusal is not null))
        {
            throw new TransferException(TransferError.InvalidRequest, string.Join("; ", refusals));
        }
    }

    /// <summary>The factory that accepts a URL.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: no factory accepts it, or
    /// several do.</exception>
    public IBackendFactory Select(ImageUrl url)
    {
        RequireServable(url);
        IBackendFactory[] accepting =
            [.. _byScheme[url.Scheme].Where(factory => Refusal(factory, url) is null && factory.Accepts(url))];
        if (accepting.Length == 1)
        {
            return accepting[0];
        }

        string names = string.Join(
            ", ", (accepting.Length == 0 ? [.. _byScheme[url.Scheme]] : accepting).Select(f => f.Name));
        throw new TransferException(
            TransferError.ImageUnavailable,
            accepting.Length == 0
                ? $"None of the backends for '{url.Scheme}' ({names}) accepts {url}"
                : $"Several backends ({names}) accept {url}; exactly one must");
    }

    private static string? Refusal(IBackendFactory factory, ImageUrl url) =>
        factory.Unavailable is { } reason
            ? $"URLs with the scheme '{url.Scheme}' cannot be opened on this host: {reason}"
            : factory.Refusal(url);

    [UnconditionalSuppressMessage(
        "SingleFile", "IL3000", Justification = "Only for a message, which names no file then.")]
    private static string Describe(IBackendFactory factory) =>
        $"{factory.GetType().FullName} in {factory.GetType().Assembly.Location}";
}
