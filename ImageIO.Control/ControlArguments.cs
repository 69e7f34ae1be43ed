using ImageIO.Configuration;

namespace ImageIO.Control;

/// <summary>The words of a command line of <c>ovirt-imageioctl</c>, by the rules of Python's argparse.</summary>
internal sealed class ControlArguments
{
    private static readonly string[] LongOptions = ["--conf-dir", "--timeout", "--help"];

    private ControlArguments()
    {
    }

    /// <summary>The command. Null: none.</summary>
    public string? Command { get; private set; }

    /// <summary>The arguments after it, without the options.</summary>
    public List<string> Operands { get; } = [];

    /// <summary>The directory of the daemon's configuration.</summary>
    public string Directory { get; private set; } = DropIns.DefaultDirectory;

    /// <summary>The value of <c>--timeout</c>. Null: it was not given.</summary>
    public string? Timeout { get; private set; }

    /// <summary>Whether help was asked for.</summary>
    public bool WantsHelp { get; private set; }

    /// <summary>Whether the version was asked for.</summary>
    public bool WantsVersion { get; private set; }

    /// <summary>Reads the words.</summary>
    /// <exception cref="FormatException">They are wrong.</exception>
    public static ControlArguments Parse(IReadOnlyList<string> words)
    {
        var arguments = new ControlArguments();
        bool onlyOperands = false;
        for (int i = 0; i < words.Count; i++)
        {
            string word = words[i];
            if (word == "--" && !onlyOperands)
            {
                onlyOperands = true;
            }
            else if (onlyOperands || word.Length < 2 || word[0] != '-')
            {
                arguments.AddWord(word);
            }
            else
            {
                i += arguments.AddOption(word, i + 1 < words.Count ? words[i + 1] : null);
            }
        }

        return arguments;
    }

    private void AddWord(string word)
    {
        if (Command is null)
        {
            Command = word;
        }
        else
        {
            Operands.Add(word);
        }
    }

    // How many further words the option took.
    private int AddOption(string word, string? next)
    {
        (string name, string? value) = Split(word);
        switch (name)
        {
            case "-h" or "--help":
                WantsHelp = true;
                return 0;
            case "--version":
                WantsVersion = true;
                return 0;
            case "-c" or "--conf-dir" or "--timeout":
                string given = value ?? next ?? throw new FormatException($"argument {name}: expected one argument");
                if (name == "--timeout")
                {
                    Timeout = given;
                }
                else
                {
                    Directory = given;
                }

                return value is null ? 1 : 0;
            default:
                throw new FormatException($"unrecognized arguments: {word}");
        }
    }

    // "--long=value", "-cVALUE", and beginnings of long options that fit one only.
    private static (string Name, string? Value) Split(string word)
    {
        if (!word.StartsWith("--", StringComparison.Ordinal))
        {
            return word.Length > 2 && word[1] == 'c' ? ("-c", word[2..]) : (word, null);
        }

        int end = word.IndexOf('=', StringComparison.Ordinal);
        string start = end < 0 ? word : word[..end];
        string[] fitting = start == "--version"
            ? [start]
            : Array.FindAll(LongOptions, option => option.StartsWith(start, StringComparison.Ordinal));
        return (fitting.Length == 1 ? fitting[0] : start, end < 0 ? null : word[(end + 1)..]);
    }
}
