using ImageIO.Core.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ImageIO.Traces;

/// <summary>
/// Sends the spans of <see cref="TransferTrace"/> to a collector by OTLP, in batches on a thread of its own.
/// </summary>
/// <remarks>
/// While the collector is away, up to 2048 spans wait in a queue, and further ones are lost. The standard environment
/// variables (OTEL_…) decide about sampling, protocol and headers.
/// </remarks>
public static class OtlpTraces
{
    /// <summary>
    /// Begins to listen and to send. Disposing the result sends the waiting spans, within two seconds.
    /// </summary>
    /// <param name="service">The program's name.</param>
    /// <param name="version">Its version.</param>
    /// <param name="endpoint">
    /// The collector's URL: <c>http://HOST:4317</c> for gRPC, or with a path for HTTP. Null: the environment decides.
    /// </param>
    public static IDisposable Start(string service, string version, Uri? endpoint)
    {
        TracerProvider provider = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateDefault()
                .AddService(service, serviceVersion: version)
                .AddEnvironmentVariableDetector())
            .AddSource(TransferTrace.Name)
            .AddOtlpExporter(options =>
            {
                if (endpoint is not null)
                {
                    options.Endpoint = endpoint;
                    options.Protocol =
                        endpoint.AbsolutePath.Length > 1 ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
                }
            })
            .Build();
        return new Sending(provider);
    }

    private sealed class Sending(TracerProvider provider) : IDisposable
    {
        private const int MostMilliseconds = 2000;

        public void Dispose()
        {
            provider.Shutdown(MostMilliseconds);
            provider.Dispose();
        }
    }
}
