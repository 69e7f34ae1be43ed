using ImageIO.Core.Errors;
using Spectre.Console;

namespace ImageIO.CommandLine.Engine;

/// <summary>Reads a password from a file, the configuration, or the terminal.</summary>
internal static class PasswordSource
{
    public static string Read(string? file, string? configured, string username)
    {
        if (file is not null)
        {
            try
            {
                return File.ReadAllText(file).TrimEnd('\r', '\n');
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new TransferException(
                    TransferError.InvalidRequest, $"The password in {file} cannot be read: {e.Message}", e);
            }
        }

        if (configured is not null)
        {
            return configured;
        }

        if (Console.IsInputRedirected)
        {
            throw new TransferException(TransferError.InvalidRequest, "There is no password: give --password-file");
        }

        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return console.Prompt(new TextPrompt<string>($"Password for {Markup.Escape(username)}:").Secret(null));
    }
}
