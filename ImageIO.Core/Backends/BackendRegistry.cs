using System.Diagnostics.CodeAnalysis;
using ImageIO.Core.Errors;

namespace ImageIO.Core.Backends;

/// <summary>Knows all backends by name, and answers which of them serves a URL.</summary>
public sealed class BackendRegistry
{
    private readonly Dictionary<string, IBackendFactory> _byName = new(StringComparer.Ordinal);
    private readonly ILookup<string, IBackendFactory> _byScheme;
    private readonly IReadOnlyCollection<string> _forwardedSchemes;

    /// <summary>Indexes the factories that were found.</summary>
    /// <param name="factories">The backends.</param>
    /// <param name="forwardedSchemes">
    /// Schemes whose URLs the host does not open, because it forwards their requests. Null: none.
    /// </param>
    /// <exception cref="InvalidOperationException">Two factories bear one name.</exception>
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
    /// Fails when neither a backend serves nor the host forwards the scheme of a URL, or when all backends for it are
    /// unavailable on this host; looks at nothing else.
    /// </summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.InvalidRequest"/>, naming the schemes there are, or why the backend is unavailable.
    /// </exception>
    public void RequireScheme(ImageUrl url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (!_byScheme.Contains(url.Scheme) && !_forwardedSchemes.Contains(url.Scheme))
        {
            string known = string.Join(
                ", ", _byScheme.Select(group => group.Key).Union(_forwardedSchemes).Order(StringComparer.Ordinal));
            throw new TransferException(
                TransferError.InvalidRequest, $"Unsupported URL scheme '{url.Scheme}', supported: {known}");
        }

        if (_byScheme[url.Scheme].Any() && _byScheme[url.Scheme].All(factory => factory.Unavailable is not null))
        {
            string reasons = string.Join("; ", _byScheme[url.Scheme].Select(factory => factory.Unavailable));
            throw new TransferException(
                TransferError.InvalidRequest, $"URLs with the scheme '{url.Scheme}' cannot be opened on this host: {reasons}");
        }
    }

    /// <summary>The one factory that accepts a URL.</summary>
    /// <exception cref="TransferException">
    /// <see cref="TransferError.ImageUnavailable"/>: no factory of the scheme accepts it, or more than one does.
    /// </exception>
    public IBackendFactory Select(ImageUrl url)
    {
        RequireScheme(url);
        IBackendFactory[] accepting = [.. _byScheme[url.Scheme].Where(factory => factory.Unavailable is null && factory.Accepts(url))];
        if (accepting.Length == 1)
        {
            return accepting[0];
        }

        string names = string.Join(", ", (accepting.Length == 0 ? [.. _byScheme[url.Scheme]] : accepting).Select(f => f.Name));
        throw new TransferException(
            TransferError.ImageUnavailable,
            accepting.Length == 0
                ? $"None of the backends for '{url.Scheme}' ({names}) accepts {url}"
                : $"Several backends ({names}) accept {url}; exactly one must");
    }

    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "Only for a message, which names no file then.")]
    private static string Describe(IBackendFactory factory) =>
        $"{factory.GetType().FullName} in {factory.GetType().Assembly.Location}";
}
