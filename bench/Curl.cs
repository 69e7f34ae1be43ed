namespace ImageIO.Bench;

/// <summary>The client of all HTTP works, the same for us and the peers.</summary>
/// <param name="place">Files.</param>
internal sealed class Curl(Place place)
{
    /// <summary>Downloads a resource over some connections, a part on each.</summary>
    /// <param name="url">The resource.</param>
    /// <param name="size">Its bytes.</param>
    /// <param name="connections">Number of connections.</param>
    /// <param name="socket">Unix socket to use; null: TCP.</param>
    public Task DownloadAsync(string url, long size, int connections, string? socket = null) =>
        Task.WhenAll(Enumerable.Range(0, connections).Select(i => RunAsync(
            socket, url, "--range", $"{size / connections * i}-{(size / connections * (i + 1)) - 1}")));

    /// <summary>Uploads the source once, over one connection.</summary>
    public Task UploadAsync(string url, string? socket = null) => RunAsync(socket, url, "--upload-file", place.Source);

    /// <summary>
    /// Uploads eight parts over some connections, each to its place in an image or to a file of its own.
    /// </summary>
    /// <param name="url">The target of a part, by its number.</param>
    /// <param name="connections">Number of connections.</param>
    /// <param name="toPlaces">Whether parts go to their places; nginx takes whole files only.</param>
    /// <param name="socket">Unix socket to use; null: TCP.</param>
    public Task UploadPartsAsync(Func<int, string> url, int connections, bool toPlaces, string? socket = null) =>
        Task.WhenAll(Enumerable.Range(0, connections).Select(async worker =>
        {
            for (int part = worker; part < 8; part += connections)
            {
                long offset = part * Place.PartSize;
                string[] header =
                    toPlaces ? ["--header", $"Content-Range: bytes {offset}-{offset + Place.PartSize - 1}/*"] : [];
                await RunAsync(socket, url(part), ["--upload-file", place.SourcePart, .. header]);
            }
        }));

    /// <summary>Makes any request and returns the answer's body.</summary>
    public Task<string> RunAsync(string? socket, string url, params string[] arguments) => Tool.RunAsync(
        "curl",
        [
            "--silent", "--show-error", "--fail", "--output", "/dev/null", "--cacert", place.AuthorityFile,
            .. socket is null ? Array.Empty<string>() : ["--unix-socket", socket],
            .. arguments,
            url,
        ]);
}
