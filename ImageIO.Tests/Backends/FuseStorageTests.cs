using System.Diagnostics;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Fuse;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Tests.Backends;

/// <summary>
/// The file system that fails on command does what tests tell it, as the kernel and other processes see it.
/// </summary>
[Trait("Needs", "Root")]
public sealed class FuseStorageTests : IDisposable
{
    private const int Timeout = 30_000;

    private readonly FuseStorage _storage = FuseStorage.Mount();

    public void Dispose() => _storage.Dispose();

    [SkippableFact(Timeout = Timeout)]
    public async Task A_file_is_read_written_cut_and_made_longer_like_any_other()
    {
        byte[] content = Bytes.Random(200_000);
        FuseFile file = _storage.AddFile("image", content);
        Assert.Equal(content, await File.ReadAllBytesAsync(file.Path));

        using SafeFileHandle handle = Open(file);
        RandomAccess.Write(handle, content.AsSpan(0, 4096), 150_000);
        RandomAccess.SetLength(handle, 180_000);
        RandomAccess.SetLength(handle, 190_000);

        byte[] expected = [.. content.AsSpan(0, 180_000), .. new byte[10_000]];
        content.AsSpan(0, 4096).CopyTo(expected.AsSpan(150_000));
        Assert.Equal(expected, file.Content);
        Assert.Equal(expected, await File.ReadAllBytesAsync(file.Path));
    }

    [SkippableFact(Timeout = Timeout)]
    public Task Only_the_calls_that_a_rule_is_about_fail() => Task.Run(() =>
    {
        FuseFile file = _storage.AddFile("image", new byte[65536]);
        using SafeFileHandle handle = Open(file);
        _storage.When(FuseOperation.Write, call => call.Offset >= 4096).Nth(2).Fail(Errno.ENOSPC);

        RandomAccess.Write(handle, [1], 0);
        RandomAccess.Write(handle, [2], 4096);
        Assert.Throws<IOException>(() => RandomAccess.Write(handle, [3], 4096));
        RandomAccess.Write(handle, [4], 4097);

        Assert.Equal([1, 2, 4], new[] { file.Content[0], file.Content[4096], file.Content[4097] });
        Assert.Equal(4, _storage.Calls.Count(call => call.Operation == FuseOperation.Write));
    });

    [SkippableFact(Timeout = Timeout)]
    public async Task Calls_hang_until_the_gate_opens_and_others_go_on()
    {
        const int Hung = 200;
        FuseFile file = _storage.AddFile("image", Bytes.Random(65536));
        FuseFile other = _storage.AddFile("other", [7]);
        FuseGate gate = _storage.When(FuseOperation.Read, call => call.File == "image").Hang();
        using SafeFileHandle handle = Open(file);
        byte[] seen = new byte[Hung];
        Thread[] readers = [.. Enumerable.Range(0, Hung).Select(i => new Thread(
            () => RandomAccess.Read(handle, seen.AsSpan(i, 1), i)))];
        Array.ForEach(readers, reader => reader.Start());

        await gate.ReachedAsync(Hung);
        Assert.Equal([7], await File.ReadAllBytesAsync(other.Path));
        Assert.Equal(new byte[Hung], seen);

        gate.Open();
        Array.ForEach(readers, reader => reader.Join());
        Assert.Equal(file.Content[..Hung], seen);
        Assert.Equal(0, gate.Count);
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Opening_and_closing_can_hang_and_fail()
    {
        FuseFile file = _storage.AddFile("image", [1]);
        FuseGate opening = _storage.When(FuseOperation.Open).Hang();
        Task<SafeFileHandle> open = Task.Run(() => Open(file));
        await opening.ReachedAsync();
        opening.Fail(Errno.ESTALE);
        await Assert.ThrowsAsync<IOException>(() => open);

        _storage.ForgetRules();
        FuseGate closing = _storage.When(FuseOperation.Close).Hang();
        Task close = Task.Run(() => Open(file).Dispose());
        await closing.ReachedAsync();
        Assert.False(close.IsCompleted);
        closing.Open();
        await close;
    }

    [SkippableFact(Timeout = Timeout)]
    public Task Calls_come_short_and_fail_after_their_work() => Task.Run(() =>
    {
        FuseFile file = _storage.AddFile("image", new byte[4096]);
        using SafeFileHandle handle = Open(file);
        _storage.When(FuseOperation.Read).Shorten(100);
        Assert.Equal(100, RandomAccess.Read(handle, new byte[4096], 0));

        _storage.When(FuseOperation.Truncate).FailAfterwards(Errno.EIO);
        Assert.Throws<IOException>(() => RandomAccess.SetLength(handle, 10));
        Assert.Equal(10, file.Size);
    });

    [SkippableFact(Timeout = Timeout)]
    public Task What_was_not_flushed_is_lost_by_a_failed_flush_and_by_a_power_cut() => Task.Run(() =>
    {
        _storage.IsVolatile = true;
        FuseFile file = _storage.AddFile("image", [1, 1, 1]);
        using SafeFileHandle handle = Open(file);

        RandomAccess.Write(handle, [2], 0);
        Assert.Equal(0, Syscall.fsync((int)handle.DangerousGetHandle()));
        RandomAccess.Write(handle, [3], 1);
        Assert.Equal([2, 3, 1], file.Content);
        Assert.Equal([2, 1, 1], file.OnMedium);

        _storage.When(FuseOperation.Fsync).Times(1).Fail(Errno.EIO);
        Assert.Equal(-1, Syscall.fsync((int)handle.DangerousGetHandle()));
        Assert.Equal([2, 1, 1], file.Content);
        Assert.Equal(0, Syscall.fsync((int)handle.DangerousGetHandle()));

        RandomAccess.Write(handle, [4, 4], 2);
        _storage.CutPower();
        Assert.Equal([2, 1, 1], File.ReadAllBytes(file.Path));
    });

    [SkippableFact(Timeout = Timeout)]
    public async Task A_process_that_is_killed_in_a_call_does_not_come_to_its_next_one()
    {
        FuseFile file = _storage.AddFile("image", new byte[8192]);
        FuseGate gate = _storage.When(FuseOperation.Write).Nth(2).Hang();
        using Process process = Process.Start(
            new ProcessStartInfo(
                "dd", ["if=/dev/urandom", $"of={file.Path}", "bs=512", "count=10", "conv=notrunc", "status=none"]))!;
        await gate.ReachedAsync();

        process.Kill();
        gate.Open();

        await process.WaitForExitAsync();
        Assert.Equal(2, _storage.Calls.Count(call => call.Operation == FuseOperation.Write));
    }

    [SkippableFact(Timeout = Timeout)]
    public async Task Unmounting_ends_what_hangs()
    {
        using FuseStorage storage = FuseStorage.Mount();
        FuseFile file = storage.AddFile("image", [1]);
        FuseGate gate = storage.When(FuseOperation.Read).Hang();
        Task read = Task.Run(() => File.ReadAllBytes(file.Path));
        await gate.ReachedAsync();

        storage.Dispose();

        await Assert.ThrowsAnyAsync<IOException>(() => read);
        Assert.False(Directory.Exists(storage.Directory));
    }

    private static SafeFileHandle Open(FuseFile file) =>
        File.OpenHandle(file.Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
}
