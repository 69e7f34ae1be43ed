using ImageIO.Core.Tickets;
using ImageIO.Http.Messages;
using ImageIO.Web.Endpoints;

namespace ImageIO.Web.Hosting;

/// <summary>A ticket in a file, installed when the daemon starts.</summary>
internal static class TicketFile
{
    /// <summary>Installs the ticket.</summary>
    /// <exception cref="ConfigurationException">The file cannot be read, or is no ticket that this daemon can
    /// serve.</exception>
    public static void Install(string path, TicketStore tickets, int defaultInactivityTimeout)
    {
        try
        {
            tickets.Add(TicketJson.Parse(JsonFields.Parse(File.ReadAllBytes(path)), defaultInactivityTimeout));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"Cannot use the ticket in {path}: {e.Message}", e);
        }
    }
}
