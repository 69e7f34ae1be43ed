using System.Text.Json;
using ImageIO.Core.Backends;
using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Options;

namespace ImageIO.Web.Endpoints;

/// <summary>The answer to <c>OPTIONS /images/ID</c>: methods, features, and how many connections to use.</summary>
/// <param name="configuration">The daemon's.</param>
/// <param name="localSocket">Name of the local service's socket. Null: there is no local service.</param>
internal sealed class ImagesOptionsAnswer(DaemonConfiguration configuration, string? localSocket)
{
    /// <summary>For <c>*</c>: everything that the daemon can do, without a ticket.</summary>
    public Task WriteForAnyAsync(HttpContext context) => WriteAsync(context, canWrite: true, ticket: null, image: null);

    /// <summary>For a ticket and its image.</summary>
    public Task WriteAsync(HttpContext context, Ticket ticket, ImageHandle image) =>
        WriteAsync(context, ticket.Spec.Access.HasFlag(TicketAccess.Write), ticket, image);

    private Task WriteAsync(HttpContext context, bool canWrite, Ticket? ticket, ImageHandle? image)
    {
        context.Response.Headers.Allow = canWrite ? "OPTIONS,GET,PUT,PATCH" : "OPTIONS,GET";
        return Answer.JsonAsync(context, json =>
        {
            json.WriteStartObject();
            json.WritePropertyName("features");
            ImageFeatures.Write(json, canWrite);
            if (image is not null)
            {
                json.WriteNumber(
                    "max_readers", Math.Min(configuration.Daemon.MaxConnections, image.Capabilities.MaxReaders));
                json.WriteNumber(
                    "max_writers", Math.Min(configuration.Daemon.MaxConnections, image.Capabilities.MaxWriters));
            }

            if (localSocket is not null)
            {
                json.WriteString("unix_socket", localSocket);
            }

            if (ticket is not null && image is not null)
            {
                WriteLimits(json, ticket, canWrite, image);
            }

            json.WriteEndObject();
        });
    }

    // The limits that a client must know before it starts. Reference clients ignore these keys.
    private static void WriteLimits(Utf8JsonWriter json, Ticket ticket, bool canWrite, ImageHandle image)
    {
        // An image that grows can take as much as the ticket permits.
        bool grows = canWrite && image.Capabilities.CanGrow;
        json.WriteNumber(
            "size", grows ? ticket.Spec.ReachableSize : Math.Min(ticket.Spec.ReachableSize, image.KnownSize));
        if (ticket.Spec.Filename is { } filename)
        {
            json.WriteString("filename", filename);
        }

        json.WriteNumber("expires_in", ticket.RemainingSeconds);
        json.WriteStartArray("ops");
        foreach (string op in ticket.Spec.Ops)
        {
            json.WriteStringValue(op);
        }

        json.WriteEndArray();
    }
}
