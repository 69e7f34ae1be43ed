using ImageIO.Core.Backends;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Options;

namespace ImageIO.Web.Endpoints;

/// <summary>What <c>OPTIONS /images/ID</c> tells a client: which methods and features, and how many connections pay.</summary>
/// <param name="configuration">The daemon's.</param>
/// <param name="localSocket">Name of the local service's socket. Null: there is no local service.</param>
internal sealed class ImagesOptionsAnswer(DaemonConfiguration configuration, string? localSocket)
{
    private static readonly string[] ReadFeatures = ["checksum", "extents"];
    private static readonly string[] WriteFeatures = ["flush", "zero"];

    /// <summary>For <c>*</c>: everything there is, whatever a ticket permits.</summary>
    public Task WriteForAnyAsync(HttpContext context) => WriteAsync(context, canWrite: true, image: null);

    /// <summary>For one ticket and its image.</summary>
    public Task WriteAsync(HttpContext context, Ticket ticket, OpenImage image) =>
        WriteAsync(context, ticket.Spec.Access.HasFlag(TicketAccess.Write), image);

    private Task WriteAsync(HttpContext context, bool canWrite, OpenImage? image)
    {
        context.Response.Headers.Allow = canWrite ? "OPTIONS,GET,PUT,PATCH" : "OPTIONS,GET";
        return Answer.JsonAsync(context, json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("features");
            foreach (string feature in canWrite ? [.. ReadFeatures, .. WriteFeatures] : ReadFeatures)
            {
                json.WriteStringValue(feature);
            }

            json.WriteEndArray();
            if (image is not null)
            {
                json.WriteNumber("max_readers", Math.Min(configuration.Daemon.MaxConnections, image.Capabilities.MaxReaders));
                json.WriteNumber("max_writers", Math.Min(configuration.Daemon.MaxConnections, image.Capabilities.MaxWriters));
            }

            if (localSocket is not null)
            {
                json.WriteString("unix_socket", localSocket);
            }

            json.WriteEndObject();
        });
    }
}
