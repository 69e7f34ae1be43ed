using System.CommandLine;
using System.Text.Json;
using ImageIO.Client.Engine;
using ImageIO.CommandLine.Commands;

namespace ImageIO.CommandLine.Engine;

/// <summary><c>imageio backup start|stop</c>: a backup for <c>download-disk --backup</c>.</summary>
internal static class BackupCommand
{
    public static Command Create() =>
        new("backup", "Begin and end a backup of a running virtual machine") { Start(), Stop() };

    private static Command Start()
    {
        var arguments = new EngineArguments(isReference: false);
        var machine = new Argument<string>("VM") { Description = "Id of the virtual machine" };
        var disks = new Argument<string[]>(
            "DISK")
        { Description = "Ids of its disks", Arity = ArgumentArity.OneOrMore };
        var from = new Option<string?>("--from")
        {
            Description = "Only what changed since this checkpoint",
            HelpName = "CHECKPOINT",
        };
        var command = new Command("start", "Begin a backup, and tell its id, checkpoint and disks as JSON")
        {
            machine, disks, from,
        };
        AddOptions(command, arguments);
        command.SetAction((parsed, cancellationToken) => CommandRun.RunAsync(async () =>
        {
            string vm = parsed.GetRequiredValue(machine);
            await using var engine = new EngineClient(arguments.Engine(parsed, arguments.Configuration(parsed)));
            EngineBackup backup = await engine.StartBackupAsync(
                vm, parsed.GetRequiredValue(disks), parsed.GetValue(from), cancellationToken);
            await WriteAsync(backup, await engine.GetBackupDisksAsync(vm, backup.Id, cancellationToken));
        }));
        return command;
    }

    private static Command Stop()
    {
        var arguments = new EngineArguments(isReference: false);
        var machine = new Argument<string>("VM") { Description = "Id of the virtual machine" };
        var id = new Argument<string>("BACKUP") { Description = "Id of the backup" };
        var command = new Command("stop", "End a backup, when all of it is downloaded") { machine, id };
        AddOptions(command, arguments);
        command.SetAction((parsed, cancellationToken) => CommandRun.RunAsync(async () =>
        {
            await using var engine = new EngineClient(arguments.Engine(parsed, arguments.Configuration(parsed)));
            await WriteAsync(
                await engine.FinalizeBackupAsync(
                    parsed.GetRequiredValue(machine), parsed.GetRequiredValue(id), cancellationToken), disks: null);
        }));
        return command;
    }

    private static void AddOptions(Command command, EngineArguments arguments)
    {
        command.Options.Add(arguments.Config);
        command.Options.Add(arguments.EngineUrl);
        command.Options.Add(arguments.Username);
        command.Options.Add(arguments.PasswordFile);
        command.Options.Add(arguments.CaFile);
        command.Options.Add(arguments.Insecure);
    }

    private static async Task WriteAsync(EngineBackup backup, IReadOnlyDictionary<string, bool>? disks)
    {
        await using Stream output = Console.OpenStandardOutput();
        await using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("id", backup.Id);
            json.WriteString("phase", backup.Phase);
            json.WriteString("to_checkpoint_id", backup.ToCheckpointId);
            if (disks is not null)
            {
                json.WriteStartArray("disks");
                foreach ((string id, bool isIncremental) in disks)
                {
                    json.WriteStartObject();
                    json.WriteString("id", id);
                    json.WriteString("backup_mode", isIncremental ? "incremental" : "full");
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }
}
