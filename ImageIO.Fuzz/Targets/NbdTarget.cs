using ImageIO.Backends.Nbd.Addresses;
using ImageIO.Backends.Nbd.Extents;
using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Backends.Nbd.Transmission;
using ImageIO.Backends.Nbd.Wire;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;
using ImageIO.Core.Ranges;

namespace ImageIO.Fuzz.Targets;

/// <summary>
/// An NBD server's bytes from its greeting on. The first byte sets the lengths of the pieces, the second whether dirty
/// extents are wanted. Each of six requests must end as an independent reader says, and in bounded memory.
/// </summary>
internal static class NbdTarget
{
    // A status of 16 MiB for each of three contexts, and the memory of the tasks.
    private const long MostMemory = 64L << 20;

    private static readonly NbdUrl Url = NbdUrl.Parse(ImageUrl.Parse("nbd:unix:/s:exportname=x"));

    public static void Run(byte[] input)
    {
        if (input.Length < 2)
        {
            return;
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        RunAsync(input[2..], input[0], wantsDirty: (input[1] & 1) != 0).GetAwaiter().GetResult();
        FuzzTarget.MustHold(GC.GetAllocatedBytesForCurrentThread() - before < MostMemory, "memory is bounded");
    }

    private static async Task RunAsync(byte[] bytes, byte pieces, bool wantsDirty)
    {
        var stream = new ServerStream(new PiecewiseStream(bytes, pieces));
        NegotiatedConnection negotiated;
        try
        {
            var handshake = new Handshake(
                Url, wantsDirty, (_, _) =>
                    throw new InvalidOperationException("the URL has no TLS"), TimeProvider.System);
            negotiated = await handshake.RunAsync(
                stream, greetingTimeout: null, CancellationToken.None).ConfigureAwait(false);
        }
        catch (NbdException)
        {
            return;
        }

        ExportInfo export = negotiated.Export;
        FuzzTarget.MustHold(export.Size >= 0 && export.Size % export.BlockSize == 0, "the size is whole blocks");
        FuzzTarget.MustHold(
            export.LargestPayload is > 0 and <= 32 << 20 && export.LargestPayload % export.BlockSize == 0,
            "requests fit");
        FuzzTarget.MustHold(wantsDirty || export.DirtyBitmap is null, "no bitmap is used that was not wanted");
        await TransmitAsync(
            negotiated, bytes[(stream.Received - negotiated.Reader.Buffered.Length)..]).ConfigureAwait(false);
    }

    private static async Task TransmitAsync(NegotiatedConnection negotiated, byte[] replies)
    {
        // Their cookies are 1 to 6, in this order.
        byte[][] read = [new byte[64], new byte[300]];
        var status = new StatusReply();
        NbdRequest[] requests =
        [
            new(Command.Write, 0, 16) { Payload = new byte[16] },
            new(Command.WriteZeroes, 64, 4096),
            new(Command.Flush, 0, 0),
            new ReadRequest(read[0], NbdReplyModel.FirstRead),
            new ReadRequest(read[1], NbdReplyModel.SecondRead),
            .. negotiated.Contexts.Count == 0 ? (NbdRequest[])[] : [new StatusRequest(0, 65536, status)],
        ];
        var model = new NbdReplyModel(replies, negotiated.Export.HasStructuredReplies, negotiated.Contexts);
        await using var connection = new NbdConnection(negotiated, "server", TimeProvider.System, _ => { });
        FuzzTarget.MustHold(requests.All(connection.TrySend), "a new connection takes requests");
        connection.Start();
        await connection.Ended.ConfigureAwait(false);

        for (int i = 0; i < requests.Length; i++)
        {
            TransferError? error = await ErrorOfAsync(requests[i]).ConfigureAwait(false);
            FuzzTarget.MustHold(
                error == model.Outcomes[i], $"{requests[i]} ends with {model.Outcomes[i]}, it ended with {error}");
        }

        FuzzTarget.MustHold(
            connection.HasUnflushedWrites == (
                model.Outcomes[0] is null || model.Outcomes[1] is null), "acknowledged writes are noted");
        for (int i = 0; i < read.Length; i++)
        {
            FuzzTarget.MustHold(
                model.Outcomes[3 + i] is not null || read[i].AsSpan().SequenceEqual(model.Read[i]),
                "what is read is what was sent");
        }

        if (requests.Length > 5 && model.Outcomes[5] is null)
        {
            RequireOrder(status, ExtentContext.Zero);
            RequireOrder(status, negotiated.Contexts.Dirty is null ? ExtentContext.Zero : ExtentContext.Dirty);
        }
    }

    private static async Task<TransferError?> ErrorOfAsync(NbdRequest request)
    {
        FuzzTarget.MustHold(request.Completion.IsCompleted, $"{request} has ended");
        try
        {
            await request.Completion.ConfigureAwait(false);
            return null;
        }
        catch (TransferException e)
        {
            return e.Error;
        }
    }

    private static void RequireOrder(StatusReply status, ExtentContext context)
    {
        var steps = new ExtentSteps(status, new ByteRange(0, 65536), context);
        long end = 0;
        while (steps.TryNext(out Extent extent))
        {
            FuzzTarget.MustHold(extent.Range.Start == end && !extent.Range.IsEmpty, "extents have no gaps");
            end = extent.Range.End;
        }

        FuzzTarget.MustHold(end is > 0 and <= 65536, "extents are of the range that was asked about");
    }
}
