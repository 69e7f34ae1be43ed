using System.CommandLine;
using System.CommandLine.Invocation;
using ImageIO.Http.Hosting.Logs;

namespace ImageIO.Http.Hosting;

/// <summary>Runs a program's command line by the rules that callers of the reference rely on.</summary>
public static class ProgramCommandLine
{
    // The status of Python's argparse. Scripts use it to distinguish a wrong call from a failed one.
    private const int UsageError = 2;

    private const string Long = "--";

    /// <summary>Runs the command that the arguments name. Returns 2 if they are wrong.</summary>
    public static Task<int> RunAsync(RootCommand command, string[] args, string program)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentNullException.ThrowIfNull(args);
        string[] expanded;
        try
        {
            expanded = Expand(command, args);
        }
        catch (FormatException e)
        {
            return RefuseAsync(program, e.Message);
        }

        // "@file" is an ordinary argument.
        ParseResult parsed = command.Parse(expanded, new ParserConfiguration { ResponseFileTokenReplacer = null });
        // The host handles SIGTERM and SIGINT, for up to drain_timeout. The parser's own handler would end the process
        // after 2 s with status 143.
        return parsed.Action is ParseErrorAction
            ? RefuseAsync(program, parsed.Errors[0].Message)
            : parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    /// <summary>Completes long options that are abbreviated unambiguously, as argparse does.</summary>
    /// <exception cref="FormatException">An abbreviation is ambiguous.</exception>
    internal static string[] Expand(RootCommand command, string[] args)
    {
        Command named = command.Subcommands.FirstOrDefault(sub => args.Contains(sub.Name)) ?? (Command)command;
        string[] names =
        [
            .. named.Options.Concat(command.Options).SelectMany(option => option.Aliases.Append(option.Name))
                .Where(name => name.StartsWith(Long, StringComparison.Ordinal)).Distinct(StringComparer.Ordinal),
        ];
        return [.. args.Select(argument => Expand(names, argument))];
    }

    private static string Expand(string[] names, string argument)
    {
        if (!argument.StartsWith(Long, StringComparison.Ordinal) || argument.Length == Long.Length)
        {
            return argument;
        }

        int end = argument.IndexOf('=', StringComparison.Ordinal);
        string start = end < 0 ? argument : argument[..end];
        string[] fitting = names.Contains(start) ? [start] : [.. names.Where(
            name => name.StartsWith(start, StringComparison.Ordinal))];
        return fitting.Length switch
        {
            0 => argument,
            1 => fitting[0] + argument[start.Length..],
            _ => throw new FormatException($"ambiguous option: {start} could match {string.Join(", ", fitting)}"),
        };
    }

    private static async Task<int> RefuseAsync(string program, string reason)
    {
        await Console.Error.WriteLineAsync($"{program}: {OneLine.Of(reason)}; see {program} --help");
        return UsageError;
    }
}
