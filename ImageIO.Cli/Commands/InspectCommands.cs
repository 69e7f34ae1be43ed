using System.CommandLine;
using System.Text.Json;
using ImageIO.Client;
using ImageIO.Client.Transport;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;
using ImageIO.Formats.Qcow2;

namespace ImageIO.CommandLine.Commands;

/// <summary>
/// <c>imageio info</c>, <c>measure</c>, <c>extents</c>, <c>checksum</c>: of a file or of a URL, as JSON.
/// </summary>
internal static class InspectCommands
{
    public static IEnumerable<Command> Create()
    {
        yield return Create("info", "What an image is", InfoAsync, UrlInfoAsync);
        yield return Create("measure", "How large a qcow2 image of it becomes", MeasureAsync, UrlMeasureAsync);
        yield return Create(
            "extents", "Where an image has data, zeroes and holes, or what changed", ExtentsAsync, UrlExtentsAsync);
        yield return Create(
            "checksum", "An image's checksum", (image, _, json, token) => ChecksumAsync(image, json, token),
            (client, _, json, token) => UrlChecksumAsync(client, json, token));
    }

    private static Command Create(
        string name,
        string description,
        Func<ImageFile, string?, Utf8JsonWriter, CancellationToken, Task> file,
        Func<TransferClient, ExtentContext, Utf8JsonWriter, CancellationToken, Task> url)
    {
        var image = new Argument<string>("FILE|URL");
        var format = new Option<string?>("--source-format", "--format")
        {
            Description = "Format of FILE",
            HelpName = "FORMAT",
        };
        var member = new Option<string?>("--member")
        {
            Description = "Member of the archive (OVA) that FILE is",
            HelpName = "NAME",
        };
        var bitmap = new Option<string?>("--bitmap")
        {
            Description = "A dirty bitmap of a qcow2 FILE",
            HelpName = "NAME",
        };
        var context = new Option<string>("--context")
        {
            Description = "Of a URL: zeroes, or what changed since the checkpoint",
            HelpName = "zero|dirty",
            DefaultValueFactory = _ => "zero",
        };
        context.AcceptOnlyFromAmong("zero", "dirty");
        var noBacking = new Option<bool>("--no-backing-chain") { Description = "Look at the topmost layer alone" };
        var caFile = new Option<string?>("--cafile")
        {
            Description = "File with the authorities' certificates (PEM)",
            HelpName = "FILE",
        };
        var insecure = new Option<bool>("--insecure") { Description = "Accept any certificate, and plain HTTP" };
        var command = new Command(name, description) { image, format, member, noBacking, caFile, insecure };
        if (name != "checksum")
        {
            command.Options.Add(bitmap);
        }

        if (name == "extents")
        {
            command.Options.Add(context);
        }

        string? Bitmap(ParseResult parsed) => name == "checksum" ? null : parsed.GetValue(bitmap);
        ExtentContext Context(ParseResult parsed) =>
            name == "extents" && parsed.GetValue(context) == "dirty" ? ExtentContext.Dirty : ExtentContext.Zero;
        command.SetAction((parsed, cancellationToken) => CommandRun.RunAsync(async () =>
        {
            string where = parsed.GetRequiredValue(image);
            await using Stream output = Console.OpenStandardOutput();
            await using (var json = new Utf8JsonWriter(
                output, new JsonWriterOptions { Indented = name is "info" or "measure" or "checksum" }))
            {
                if (TransferUrl.Is(where))
                {
                    if (Bitmap(parsed) is not null)
                    {
                        throw new TransferException(
                            TransferError.InvalidRequest, "--bitmap is for files; of a URL, ask for --context dirty");
                    }

                    SystemAuthorities.SkipUnlessAsked(parsed.GetValue(caFile), parsed.GetValue(insecure));
                    await using TransferClient client = await TransferClient.OpenAsync(
                        TransferUrl.Read(where),
                        new TransferClientOptions
                        {
                            CaFile = parsed.GetValue(caFile),
                            IsInsecure = parsed.GetValue(insecure),
                        },
                        cancellationToken);
                    await url(client, Context(parsed), json, cancellationToken);
                }
                else
                {
                    if (Context(parsed) == ExtentContext.Dirty)
                    {
                        throw new TransferException(
                            TransferError.InvalidRequest,
                            "--context dirty is for URLs; name the FILE's bitmap: --bitmap");
                    }

                    await using ImageFile opened = await ImageFile.OpenAsync(
                        where,
                        new ImageFileOptions
                        {
                            Format = parsed.GetValue(format),
                            Member = parsed.GetValue(member),
                            WithBackingChain = name == "info" ? false : !parsed.GetValue(noBacking),
                        },
                        cancellationToken);
                    await file(opened, Bitmap(parsed), json, cancellationToken);
                }
            }

            output.WriteByte((byte)'\n');
        }));
        return command;
    }

    private static async Task InfoAsync(
        ImageFile image, string? bitmapName, Utf8JsonWriter json, CancellationToken cancellationToken)
    {
        ImageFileInfo info = await image.GetInfoAsync(cancellationToken);
        if (bitmapName is not null && !info.Bitmaps.Any(bitmap => bitmap.Name == bitmapName))
        {
            string there =
                info.Bitmaps.Count == 0 ? "none" : string.Join(", ", info.Bitmaps.Select(bitmap => bitmap.Name));
            throw new TransferException(
                TransferError.InvalidRequest, $"{image.Path} has no bitmap {bitmapName}, it has {there}");
        }

        json.WriteStartObject();
        json.WriteString("format", info.Format);
        json.WriteNumber("virtual_size", info.VirtualSize);
        json.WriteNumber("actual_size", info.ActualSize);
        json.WriteString("backing_file", info.BackingFile);
        json.WriteString("backing_format", info.BackingFormat);
        if (info.ClusterSize is { } clusterSize)
        {
            json.WriteNumber("cluster_size", clusterSize);
        }
        else
        {
            json.WriteNull("cluster_size");
        }

        json.WriteStartArray("bitmaps");
        foreach (Qcow2Bitmap bitmap in info.Bitmaps.Where(bitmap => bitmapName is null || bitmap.Name == bitmapName))
        {
            json.WriteStartObject();
            json.WriteString("name", bitmap.Name);
            json.WriteNumber("granularity", bitmap.Granularity);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("member", info.Member);
        json.WriteEndObject();
    }

    private static Task UrlInfoAsync(
        TransferClient client, ExtentContext context, Utf8JsonWriter json, CancellationToken cancellationToken)
    {
        json.WriteStartObject();
        json.WriteString("format", "raw");
        json.WriteNumber("virtual_size", client.Size);
        foreach (string absent in (string[])["actual_size", "backing_file", "backing_format", "cluster_size"])
        {
            json.WriteNull(absent);
        }

        json.WriteStartArray("bitmaps");
        json.WriteEndArray();
        json.WriteNull("member");
        json.WriteEndObject();
        return Task.CompletedTask;
    }

    private static async Task MeasureAsync(
        ImageFile image, string? bitmap, Utf8JsonWriter json, CancellationToken cancellationToken)
    {
        Write(await image.MeasureAsync(bitmap, cancellationToken), json);
    }

    private static async Task UrlMeasureAsync(
        TransferClient client, ExtentContext context, Utf8JsonWriter json, CancellationToken cancellationToken)
    {
        const int ClusterSize = 64 * 1024;
        IAsyncEnumerable<Extent> extents = client.ExtentsAsync(context, cancellationToken);
        Write(await Qcow2Measure.OfAsync(extents, client.Size, ClusterSize, cancellationToken), json);
    }

    private static void Write(Qcow2Measure measure, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("required", measure.Required);
        json.WriteNumber("fully_allocated", measure.FullyAllocated);
        json.WriteEndObject();
    }

    private static Task ExtentsAsync(
        ImageFile image, string? bitmap, Utf8JsonWriter json, CancellationToken cancellationToken)
    {
        ExtentContext context = bitmap is null ? ExtentContext.Zero : ExtentContext.Dirty;
        return WriteAsync(image.ExtentsAsync(bitmap, cancellationToken), context, json, cancellationToken);
    }


    private static Task UrlExtentsAsync(
        TransferClient client, ExtentContext context, Utf8JsonWriter json, CancellationToken cancellationToken) =>
        WriteAsync(client.ExtentsAsync(context, cancellationToken), context, json, cancellationToken);

    private static async Task WriteAsync(
        IAsyncEnumerable<Extent> extents,
        ExtentContext context,
        Utf8JsonWriter json,
        CancellationToken cancellationToken)
    {
        const int FlushAt = 32 * 1024;
        json.WriteStartArray();
        await foreach (Extent extent in extents.WithCancellation(cancellationToken))
        {
            json.WriteStartObject();
            json.WriteNumber("start", extent.Range.Start);
            json.WriteNumber("length", extent.Range.Length);
            json.WriteBoolean("zero", extent.Flags.HasFlag(ExtentFlags.Zero));
            if (context == ExtentContext.Dirty)
            {
                json.WriteBoolean("dirty", extent.Flags.HasFlag(ExtentFlags.Dirty));
            }
            else
            {
                json.WriteBoolean("hole", extent.Flags.HasFlag(ExtentFlags.Hole));
            }

            json.WriteEndObject();
            if (json.BytesPending > FlushAt)
            {
                await json.FlushAsync(cancellationToken);
            }
        }

        json.WriteEndArray();
    }

    private static async Task ChecksumAsync(
        ImageFile image, Utf8JsonWriter json, CancellationToken cancellationToken) =>
        Write(await image.ChecksumAsync(cancellationToken), json);

    private static async Task UrlChecksumAsync(
        TransferClient client, Utf8JsonWriter json, CancellationToken cancellationToken) =>
        Write(await client.ChecksumAsync(cancellationToken: cancellationToken), json);

    private static void Write(ImageChecksum checksum, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("algorithm", checksum.Algorithm);
        json.WriteNumber("block_size", checksum.BlockSize);
        json.WriteString("checksum", checksum.Checksum);
        json.WriteEndObject();
    }
}
