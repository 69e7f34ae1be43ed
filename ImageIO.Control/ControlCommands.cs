using System.Globalization;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using ImageIO.Configuration;

namespace ImageIO.Control;

/// <summary>The commands of <c>ovirt-imageioctl</c>: tickets of the daemon on this host, by hand.</summary>
/// <remarks>
/// Parsed without a library and without reflection, because half of the command's time would be its start.
/// </remarks>
/// <param name="output">Standard output.</param>
/// <param name="errors">Standard error.</param>
public sealed class ControlCommands(TextWriter output, TextWriter errors)
{
    private const string Program = "ovirt-imageioctl";
    private const int Failure = 1;
    private const int UsageError = 2;

    private const string Help = """
        usage: ovirt-imageioctl [-h] COMMAND ...

        Manages tickets of the ovirt-imageio daemon on this host.

        commands:
          add-ticket FILE               install the ticket in a JSON file; "-" is standard input
          show-ticket ID                print a ticket
          list-tickets                  print all tickets
          mod-ticket ID --timeout N     let a ticket expire N seconds from now
          del-ticket ID                 remove a ticket, cancelling what it does

        options, after the command:
          -c, --conf-dir DIR            the daemon's configuration (default /etc/ovirt-imageio)
          -h, --help                    print this and exit
          --version                     print the version and exit

        """;

    private static readonly JsonWriterOptions Indented = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Runs the command that the arguments name.</summary>
    /// <returns>0; 1 when it failed; 2 when the arguments are wrong.</returns>
    public int Run(IReadOnlyList<string> args)
    {
        try
        {
            var arguments = ControlArguments.Parse(args);
            if (arguments.WantsVersion)
            {
                string? version = typeof(ControlCommands).Assembly
                    .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
                output.WriteLine(version);
                return 0;
            }

            if (arguments.Command is null || arguments.WantsHelp)
            {
                output.Write(Help);
                return 0;
            }

            Run(arguments);
            return 0;
        }
        catch (FormatException e)
        {
            errors.WriteLine($"{Program}: {e.Message}; see {Program} --help");
            return UsageError;
        }
        catch (Exception e)
            when (e is ControlException or ConfigurationException or IOException or UnauthorizedAccessException)
        {
            errors.WriteLine($"{Program}: {e.Message.ReplaceLineEndings(" ")}");
            return Failure;
        }
    }

    private void Run(ControlArguments arguments)
    {
        switch (arguments.Command)
        {
            case "add-ticket":
                Add(arguments, Operand(arguments, "FILE"));
                break;
            case "show-ticket":
                string shown = Operand(arguments, "ID");
                Print(Service(arguments).ShowTicket(shown));
                break;
            case "list-tickets":
                None(arguments);
                Print(Service(arguments).ListTickets());
                break;
            case "mod-ticket":
                string changed = Operand(arguments, "ID");
                long seconds = Seconds(arguments.Timeout);
                Service(arguments).ExtendTicket(changed, seconds);
                break;
            case "del-ticket":
                string removed = Operand(arguments, "ID");
                Service(arguments).RemoveTicket(removed);
                break;
            case "start-profile" or "stop-profile":
                throw new ControlException(
                    "This daemon has no profiler; dotnet-trace of the .NET diagnostics tools is one");
            default:
                throw new FormatException($"argument command: invalid choice: '{arguments.Command}'");
        }
    }

    private static void Add(ControlArguments arguments, string file)
    {
        byte[] ticket;
        if (file == "-")
        {
            using var memory = new MemoryStream();
            using Stream input = Console.OpenStandardInput();
            input.CopyTo(memory);
            ticket = memory.ToArray();
        }
        else
        {
            ticket = File.ReadAllBytes(file);
        }

        string id = IdIn(ticket) ?? throw new ControlException(
            $"{file} is no ticket: it must be a JSON object with a string \"uuid\"");
        Service(arguments).AddTicket(id, ticket);
    }

    private static string? IdIn(byte[] ticket)
    {
        try
        {
            using var document = JsonDocument.Parse(ticket);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("uuid", out JsonElement id)
                && id.ValueKind == JsonValueKind.String
                ? id.GetString()
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ControlClient Service(ControlArguments arguments)
    {
        var reader = new ConfigurationReader(DropIns.Read(arguments.Directory));
        return reader.Boolean("control", "enable", true)
            ? new ControlClient(ControlAddress.Read(reader))
            : throw new ControlException("The control service is switched off: [control] enable is false");
    }

    private void Print(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        using var text = new MemoryStream();
        using (var writer = new Utf8JsonWriter(text, Indented))
        {
            document.WriteTo(writer);
        }

        output.WriteLine(System.Text.Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length)));
    }

    private static string Operand(ControlArguments arguments, string name) => arguments.Operands.Count switch
    {
        0 => throw new FormatException($"the following arguments are required: {name}"),
        1 => arguments.Operands[0],
        _ => throw new FormatException($"unrecognized arguments: {string.Join(' ', arguments.Operands.Skip(1))}"),
    };

    private static void None(ControlArguments arguments)
    {
        if (arguments.Operands.Count > 0)
        {
            throw new FormatException($"unrecognized arguments: {string.Join(' ', arguments.Operands)}");
        }
    }

    // Without the option the reference's daemon refuses, so this is no wrong call (status 1).
    private static long Seconds(string? text) => text is null
        ? throw new ControlException("Server error: 400 The timeout is missing: --timeout N")
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long seconds)
            ? seconds
            : throw new FormatException($"argument --timeout: invalid int value: '{text}'");
}
