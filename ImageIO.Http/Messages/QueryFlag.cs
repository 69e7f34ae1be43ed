using ImageIO.Core.Errors;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary>Query parameters that are <c>y</c> or <c>n</c>.</summary>
public static class QueryFlag
{
    /// <summary>Whether the parameter is <c>y</c>. Any other value counts as absent.</summary>
    public static bool IsSet(HttpRequest request, string name)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.Query.TryGetValue(name, out var values) && values.Count > 0 && values[^1] == "y";
    }

    /// <summary>The parameter's value.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: neither <c>y</c> nor
    /// <c>n</c>.</exception>
    public static bool Parse(HttpRequest request, string name, bool ifMissing)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (!request.Query.TryGetValue(name, out var values) || values.Count == 0)
        {
            return ifMissing;
        }

        return values[^1] switch
        {
            "y" => true,
            "n" => false,
            _ => throw new TransferException(
                TransferError.InvalidRequest, $"Invalid '{name}' query parameter '{values[^1]}', expected y or n"),
        };
    }
}
