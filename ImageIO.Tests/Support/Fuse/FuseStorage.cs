using ImageIO.Tests.Support.Storage;
using Microsoft.Win32.SafeHandles;
using Mono.Unix.Native;

namespace ImageIO.Tests.Support.Fuse;

/// <summary>
/// A mounted file system whose calls fail, hang, come short or forget at a test's command, for the test process and for
/// any other. It speaks the kernel's FUSE protocol over /dev/fuse and needs root, but no library.
/// </summary>
/// <remarks>Split by concern: this part is what tests command, the other serves the kernel.</remarks>
/// <example><code>
/// await using FuseStorage storage = FuseStorage.Mount();
/// FuseFile image = storage.AddFile("image", new byte[1024 * 1024]);   // tickets name image.Path
/// storage.When(FuseOperation.Write).Nth(2).Fail(Errno.ENOSPC);
/// storage.When(FuseOperation.Read, call => call.Offset >= 65536).Shorten(512);
/// FuseGate hung = storage.When(FuseOperation.Open).Hang();
/// await hung.ReachedAsync(16);
/// hung.Open();
/// storage.IsVolatile = true;     // what was not flushed is lost by a failed flush, and by
/// storage.CutPower();
/// </code></example>
internal sealed partial class FuseStorage : IDisposable
{
    private const ulong RootNode = 1;

    private readonly Lock _lock = new();
    private readonly SafeFileHandle _device = FuseNative.OpenDevice();
    private readonly List<FuseRule> _rules = [];
    private readonly List<FuseCall> _calls = [];
    private readonly List<FuseFile> _files = [];
    private readonly List<FuseGate> _gates = [];
    private Exception? _failure;

    private FuseStorage(string directory)
    {
        Directory = directory;
        System.IO.Directory.CreateDirectory(directory);
        FuseNative.Mount(_device, directory);
        // Not one of the runtime's pool: tests block all of those in calls that wait for us.
        new Thread(Serve) { IsBackground = true, Name = "fuse" }.Start();
    }

    /// <summary>Why it cannot be mounted here. Null: it can.</summary>
    public static string? WhyNot =>
        SystemTool.WhyNot() ?? (File.Exists("/dev/fuse") ? null : "needs FUSE in the kernel (/dev/fuse)");

    /// <summary>Where it is mounted.</summary>
    public string Directory { get; }

    /// <summary>
    /// Whether writes reach the medium only by a flush that succeeds. A flush that fails drops them: later reads see
    /// what was there before.
    /// </summary>
    public bool IsVolatile { get; set; }

    /// <summary>
    /// All calls so far, in the order in which they came; lookups and those about the directory left out.
    /// </summary>
    public IReadOnlyList<FuseCall> Calls
    {
        get
        {
            lock (_lock)
            {
                return [.. _calls];
            }
        }
    }

    /// <summary>Mounts a new one, without files. Skips the test where that is not possible.</summary>
    public static FuseStorage Mount()
    {
        Skip.If(WhyNot is not null, WhyNot);
        FuseWatch.EnsureStarted();
        return new FuseStorage($"{FuseWatch.PrefixOf(Environment.ProcessId)}{Guid.NewGuid():N}");
    }

    /// <summary>Adds a file.</summary>
    public FuseFile AddFile(string name, byte[] content)
    {
        var file = new FuseFile(name, Path.Combine(Directory, name), content);
        lock (_lock)
        {
            _files.Add(file);
        }

        return file;
    }

    /// <summary>Adds a rule for calls of a kind. It does nothing until its effect is set.</summary>
    public FuseRule When(FuseOperation operation, Predicate<FuseCall>? where = null)
    {
        var rule = new FuseRule(operation, where);
        lock (_lock)
        {
            _rules.Insert(0, rule);
        }

        return rule;
    }

    /// <summary>Removes all rules. Hung calls remain hung until their gate opens.</summary>
    public void ForgetRules()
    {
        lock (_lock)
        {
            KeepGates();
            _rules.Clear();
        }
    }

    /// <summary>Forgets the calls so far.</summary>
    public void ForgetCalls()
    {
        lock (_lock)
        {
            _calls.Clear();
        }
    }

    /// <summary>On volatile storage: what was not flushed is gone, from all files.</summary>
    public void CutPower()
    {
        lock (_lock)
        {
            _files.ForEach(file => file.CutPower());
        }
    }

    /// <summary>Unmounts it. Calls that hang fail with ENOTCONN.</summary>
    public void Dispose()
    {
        if (_device.IsClosed)
        {
            return;
        }

        FuseNative.Unmount(Directory);
        lock (_lock)
        {
            KeepGates();
        }

        // Nothing waits for these any more, but the gates keep them.
        _gates.ForEach(gate => gate.Fail(Errno.ENOTCONN));
        _device.Dispose();
        System.IO.Directory.Delete(Directory);
        Assert.True(_failure is null, $"The file system itself failed: {_failure}");
    }

    private void KeepGates() => _gates.AddRange(_rules.Select(rule => rule.Gate).OfType<FuseGate>());
}
