namespace ImageIO.Http.Hosting;

/// <summary>Where traces are sent to.</summary>
/// <param name="Endpoint">The collector's URL, from the configuration. Null: the environment decides.</param>
public sealed record TelemetrySettings(Uri? Endpoint)
{
    private const string Expected = "a URL like http://127.0.0.1:4317, or nothing for no traces";

    // OpenTelemetry's standard names (specification, "OTLP exporter").
    private static readonly string[] EndpointVariables =
        ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

    /// <summary>Whether a collector is configured.</summary>
    public bool IsEnabled => !IsSet("OTEL_SDK_DISABLED", "true") && !IsSet("OTEL_TRACES_EXPORTER", "none")
        && (Endpoint is not null || EndpointVariables.Any(
            name => Environment.GetEnvironmentVariable(name) is { Length: > 0 }));

    /// <summary>Reads an option.</summary>
    /// <exception cref="ConfigurationException">The option is no URL.</exception>
    public static TelemetrySettings Read(ConfigurationReader reader, string section, string name)
    {
        ArgumentNullException.ThrowIfNull(reader);
        string text = reader.Parsed(
            section, name, "", url => url.Length == 0 || Parse(url) is not null ? url : null, Expected);
        return new TelemetrySettings(Parse(text));
    }

    private static Uri? Parse(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https" ? url : null;

    private static bool IsSet(string variable, string value) =>
        string.Equals(Environment.GetEnvironmentVariable(variable), value, StringComparison.OrdinalIgnoreCase);
}
