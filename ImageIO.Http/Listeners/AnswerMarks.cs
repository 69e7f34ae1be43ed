using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Notes on each connection from when to when a request is answered, before everything else that sees the request. What
/// the server writes at other times is its own refusal of something that never became a request.
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
