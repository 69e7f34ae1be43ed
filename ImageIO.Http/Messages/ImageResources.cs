using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Messages;

/// <summary>The resources below <c>/images/ID</c>.</summary>
public static class ImageResources
{
    /// <summary>The ranges that are zero.</summary>
    public const string Extents = "/extents";

    /// <summary>The available checksum algorithms.</summary>
    public const string ChecksumAlgorithms = "/checksum/algorithms";

    /// <summary>The image's checksum.</summary>
    public const string Checksum = "/checksum";

    private const string Images = "/images/";

    /// <summary>
    /// A sentence that lists these resources, for a refused path that may be misspelled. Null: the path ends after the
    /// id.
    /// </summary>
    internal static string? HintFor(HttpRequest request)
    {
        string path = RequestPath.Of(request);
        return path.StartsWith(Images, StringComparison.Ordinal) && path.IndexOf('/', Images.Length) > 0
            ? $"below /images/ID there are {Extents}, {Checksum} and {ChecksumAlgorithms}"
            : null;
    }
}
