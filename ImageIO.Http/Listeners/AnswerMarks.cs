using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Notes on each connection when an answer begins and ends, before everything else sees the request. At other times the
/// server writes only its own refusals of bytes that never became a request.
/// </summary>
internal sealed class AnswerMarks : IStartupFilter
{
    /// <inheritdoc />
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use((HttpContext context, RequestDelegate following) =>
        {
            ClientConnection connection = ClientConnection.Of(context);
            connection.IsAnswering = true;
            context.Response.OnCompleted(
                static state =>
                {
                    ((ClientConnection)state).IsAnswering = false;
                    return Task.CompletedTask;
                },
                connection);
            return following(context);
        });
        next(app);
    };
}
