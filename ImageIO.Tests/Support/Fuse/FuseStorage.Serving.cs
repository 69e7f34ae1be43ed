using System.Buffers.Binary;
using Mono.Unix.Native;

namespace ImageIO.Tests.Support.Fuse;

internal sealed partial class FuseStorage
{
    private const uint FORGET = 2;
    private const uint INIT = 26;
    private const uint OPENDIR = 27;
    private const uint READDIR = 28;
    private const uint RELEASEDIR = 29;
    private const uint INTERRUPT = 36;
    private const uint BATCH_FORGET = 42;

    private void Serve()
    {
        byte[] buffer = new byte[FuseAnswers.MaxWrite + 4096];
        while (FuseNative.Read(_device, buffer) is { IsEmpty: false } bytes)
        {
            // A copy: the call may hang while further ones come.
            var request = new FuseRequest(bytes.ToArray());
            try
            {
                Handle(request);
            }
            catch (Exception e)
            {
                // A defect of a rule or of this class, which unmounting reports to the test.
                _failure ??= e;
                Answer(request, Errno.EIO, []);
            }
        }
    }

    private void Handle(FuseRequest request)
    {
        switch ((uint)request.Operation)
        {
            case FORGET or BATCH_FORGET or INTERRUPT:
                return;
            case INIT:
                Answer(request, 0, FuseAnswers.Init());
                return;
            case OPENDIR:
                Answer(request, 0, FuseAnswers.Opened(0));
                return;
            case READDIR or RELEASEDIR:
                Answer(request, 0, []);
                return;
        }

        FuseFile? file = FileOf(request);
        FuseCall call = request.Describe(file?.Name);
        FuseRule? rule = Note(call);
        rule?.Action?.Invoke(call);
        if (rule?.Gate is { } gate)
        {
            gate.Enter(verdict => Finish(request, call, file, rule, verdict));
        }
        else
        {
            Finish(request, call, file, rule, 0);
        }
    }

    private FuseRule? Note(FuseCall call)
    {
        lock (_lock)
        {
            if (call.File is not null && call.Operation != FuseOperation.Lookup)
            {
                _calls.Add(call);
            }

            // All of them count the call, also behind the one that wins.
            return _rules.Where(rule => rule.Takes(call)).ToArray().FirstOrDefault();
        }
    }

    private void Finish(FuseRequest request, FuseCall call, FuseFile? file, FuseRule? rule, Errno verdict)
    {
        Errno error = verdict != 0 ? verdict : rule?.Error ?? 0;
        byte[] body = [];
        if (error == 0)
        {
            (error, body) = Run(request, call, file, rule?.Limit ?? int.MaxValue);
        }
        else if (IsVolatile && call.Operation == FuseOperation.Fsync)
        {
            file?.Drop();
        }

        if (rule is { LateError: not 0 and var late })
        {
            error = late;
        }

        Answer(request, error, body);
    }

    private (Errno Error, byte[] Body) Run(FuseRequest request, FuseCall call, FuseFile? file, int limit)
    {
        if (file is null)
        {
            return call.Operation switch
            {
                FuseOperation.Stat => (0, FuseAnswers.Attributes(RootNode, null)),
                FuseOperation.StatFileSystem => (0, FuseAnswers.FileSystem()),
                FuseOperation.Lookup => (Errno.ENOENT, []),
                _ => (Errno.ENOSYS, []),
            };
        }

        switch (call.Operation)
        {
            case FuseOperation.Lookup:
                return (0, FuseAnswers.Entry(NodeOf(file), file));
            case FuseOperation.Stat:
                return (0, FuseAnswers.Attributes(request.Node, file));
            case FuseOperation.Truncate:
                if (request.ChangesSize)
                {
                    file.SetSize(call.Length);
                }

                return (0, FuseAnswers.Attributes(request.Node, file));
            case FuseOperation.Open:
                return (0, FuseAnswers.Opened(request.OpensDirect ? FuseRequest.DirectHandle : 0));
            case FuseOperation.Read:
                return (0, file.Read(call.Offset, Math.Min(call.Length, limit)));
            case FuseOperation.Write:
                ReadOnlySpan<byte> taken = request.Data[..Math.Min(request.Data.Length, limit)];
                file.Write(taken, call.Offset);
                return (0, FuseAnswers.Written(taken.Length));
            case FuseOperation.Fsync:
                file.Keep();
                return (0, []);
            case FuseOperation.Allocate:
                file.Allocate(
                    call.Offset, call.Length, keepSize: (call.Mode & 0x01) != 0, zero: (call.Mode & 0x12) != 0);
                return (0, []);
            case FuseOperation.Seek:
                const int SEEK_DATA = 3;
                long found = file.Find(call.Offset, data: call.Mode == SEEK_DATA);
                return found < 0 ? (Errno.ENXIO, []) : (0, FuseAnswers.Found(found));
            case FuseOperation.StatFileSystem:
                return (0, FuseAnswers.FileSystem());
            case FuseOperation.Close or FuseOperation.Release:
                return (0, []);
            default:
                return (Errno.ENOSYS, []);
        }
    }

    private void Answer(FuseRequest request, Errno error, byte[] body)
    {
        // struct fuse_out_header
        byte[] answer = new byte[16 + (error == 0 ? body.Length : 0)];
        BinaryPrimitives.WriteInt32LittleEndian(answer, answer.Length);
        BinaryPrimitives.WriteInt32LittleEndian(answer.AsSpan(4), -(int)error);
        BinaryPrimitives.WriteUInt64LittleEndian(answer.AsSpan(8), request.Unique);
        if (error == 0)
        {
            body.CopyTo(answer, 16);
        }

        try
        {
            FuseNative.Write(_device, answer);
        }
        catch (ObjectDisposedException)
        {
            // Unmounted while it hung.
        }
    }

    private FuseFile? FileOf(FuseRequest request)
    {
        lock (_lock)
        {
            return request.Operation == FuseOperation.Lookup
                ? _files.Find(file => file.Name == request.Name)
                : request.Node > RootNode ? _files[(int)(request.Node - RootNode - 1)] : null;
        }
    }

    private ulong NodeOf(FuseFile file)
    {
        lock (_lock)
        {
            return RootNode + 1 + (ulong)_files.IndexOf(file);
        }
    }
}
