using ImageIO.Core.Tickets;
using ImageIO.Http.Hosting;
using ImageIO.Http.Messages;
using ImageIO.Web.Endpoints;

namespace ImageIO.Web.Hosting;

/// <summary>A ticket in a file, for starting the daemon with one already installed.</summary>
internal static class TicketFile
{
    /// <summary>Reads it.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, or is no ticket.</exception>
    public static TicketSpec Read(string path, int defaultInactivityTimeout)
    {
        try
        {
            return TicketJson.Parse(JsonFields.Parse(File.ReadAllBytes(path)), defaultInactivityTimeout);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"Cannot read the ticket in {path}: {e.Message}", e);
        }
    }
}
