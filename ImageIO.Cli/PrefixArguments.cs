using System.CommandLine;

namespace ImageIO.CommandLine;

/// <summary>Allows unique prefixes of long options, like Python's tools.</summary>
internal static class PrefixArguments
{
    /// <summary>
    /// The arguments with full names. The parser refuses ambiguous and unknown ones, which remain unchanged.
    /// </summary>
    public static string[] Expand(string[] args, Command root)
    {
        Command? command = root.Subcommands.FirstOrDefault(candidate => args.Contains(candidate.Name));
        return command is null ? args : [.. args.Select(argument => Expand(argument, command))];
    }

    private static string Expand(string argument, Command command)
    {
        int equals = argument.IndexOf('=', StringComparison.Ordinal);
        string name = equals < 0 ? argument : argument[..equals];
        if (!name.StartsWith("--", StringComparison.Ordinal) || name.Length < 3)
        {
            return argument;
        }

        string[] matches =
        [
            .. command.Options.Select(option => option.Name).Append("--help")
                .Where(option => option.StartsWith(name, StringComparison.Ordinal)).Distinct(),
        ];
        return matches.Length == 1 ? matches[0] + argument[name.Length..] : argument;
    }
}
