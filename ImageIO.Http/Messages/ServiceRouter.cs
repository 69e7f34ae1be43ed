using System.Collections.Frozen;
using System.Diagnostics;
using ImageIO.Core.Errors;
using ImageIO.Http.Listeners;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ImageIO.Http.Messages;

/// <summary>Handles one method of one resource.</summary>
/// <param name="context">The request.</param>
/// <param name="argument">The variable part of the path, decoded.</param>
public delegate Task ResourceHandler(HttpContext context, string argument);

/// <summary>
/// Finds the handler of a request by the order of checks in the wire contract (daemon-api section 2): unknown method
/// 405, unknown path 404, method that the resource lacks 405. The framework's routing has another order, and matches
/// segments instead of prefixes: an id may contain slashes.
/// </summary>
/// <param name="meter">Counts failures.</param>
public sealed class ServiceRouter(HostMeter meter)
{
    private static readonly FrozenSet<string> KnownMethods =
        FrozenSet.ToFrozenSet(["GET", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "HEAD"], StringComparer.Ordinal);

    private readonly Dictionary<string, List<Route>> _routes = new(StringComparer.Ordinal);

    /// <summary>Adds a resource to a service. Routes are tried in the order of adding.</summary>
    /// <param name="service">The service's name.</param>
    /// <param name="prefix">Start of the path. Without a slash at its end, and if it is "/", it is the whole
    /// path.</param>
    /// <param name="infix">Text that must follow the argument, at its last occurrence; text after it is ignored. Empty:
    /// the argument is the remaining path.</param>
    /// <param name="methods">The handlers by method.</param>
    /// <param name="keepsConnection">Whether a connection stays open although a ticket refuses its request. By default
    /// it is closed.</param>
    public void Map(
        string service,
        string prefix,
        string infix,
        IReadOnlyDictionary<string, ResourceHandler> methods,
        bool keepsConnection = false)
    {
        if (!_routes.TryGetValue(service, out List<Route>? routes))
        {
            _routes[service] = routes = [];
        }

        routes.Add(new Route(prefix, infix, methods.ToFrozenDictionary(StringComparer.Ordinal), keepsConnection));
    }

    /// <summary>Handles a request to its end, failures included.</summary>
    public async Task DispatchAsync(HttpContext context, ILogger logger)
    {
        ClientConnection connection = ClientConnection.Of(context);
        connection.RequestStarts();
        using Activity? span = RequestSpan.Start(context, connection.Service);
        bool keepsConnection = false;
        try
        {
            (Route route, ResourceHandler handler, string argument) = Find(connection.Service, context.Request);
            keepsConnection = route.KeepsConnection;
            RequestSpan.Found(span, context.Request.Method, route.Resource);
            RequestBody.RequireKnownCoding(context.Request);
            await handler(context, argument);
            await RequestBody.FinishAsync(context);
        }
        catch (Exception e)
        {
            // Every failure becomes an answer or a cut connection, and a log line.
            RequestSpan.Failed(span, HostMeter.ReasonOf(e));
            await AnswerFailureAsync(context, e, keepsConnection, logger);
        }
        finally
        {
            RequestSpan.Ended(span, context);
            connection.RequestEnds();
        }
    }

    private async Task AnswerFailureAsync(
        HttpContext context, Exception failure, bool keepsConnection, ILogger logger)
    {
        meter.RequestFailed(failure);
        try
        {
            await ErrorMapper.AnswerAsync(context, failure, keepsConnection, logger);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client disconnected before the answer.
            context.Abort();
        }
    }

    private (Route Route, ResourceHandler Handler, string Argument) Find(string service, HttpRequest request)
    {
        if (!KnownMethods.Contains(request.Method))
        {
            throw new TransferException(TransferError.MethodNotAllowed, "Unknown method");
        }

        RequestPath.RequireValid(request);
        string path = RequestPath.Of(request);
        foreach (Route route in _routes.GetValueOrDefault(service) ?? [])
        {
            if (route.TryMatch(path, out string argument))
            {
                return route.Methods.TryGetValue(request.Method, out ResourceHandler? handler)
                    ? (route, handler, argument)
                    : throw new TransferException(
                        TransferError.MethodNotAllowed,
                        $"This resource has no {request.Method}, only "
                            + $"{string.Join(", ", route.Methods.Keys.Order(StringComparer.Ordinal))}");
            }
        }

        throw new TransferException(TransferError.ResourceUnknown, "No such resource");
    }

    private sealed record Route(
        string Prefix, string Infix, FrozenDictionary<string, ResourceHandler> Methods, bool KeepsConnection)
    {
        /// <summary>The resource's name, for traces.</summary>
        public string Resource { get; } = Prefix[^1] != '/' || Prefix.Length == 1 ? Prefix : $"{Prefix}ID{Infix}";

        public bool TryMatch(string path, out string argument)
        {
            argument = "";
            bool isWholePath = Prefix[^1] != '/' || Prefix.Length == 1;
            if (!path.StartsWith(Prefix, StringComparison.Ordinal) || (isWholePath && path.Length > Prefix.Length))
            {
                return false;
            }

            int end = Infix.Length == 0 ? path.Length : path.LastIndexOf(Infix, StringComparison.Ordinal);
            if (end < Prefix.Length)
            {
                return false;
            }

            argument = path[Prefix.Length..end];
            return true;
        }
    }
}
