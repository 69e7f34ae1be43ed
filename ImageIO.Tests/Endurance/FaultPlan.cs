using System.IO.MemoryMappedFiles;
using System.Text;
using ImageIO.Tests.Support;
using ImageIO.Tests.Support.Storage;
using Mono.Unix.Native;

namespace ImageIO.Tests.Endurance;

/// <summary>
/// Which system call of another process fails, comes short or hangs: a library that is loaded before all others
/// (<c>Native/faults.c</c>) does what the plan says.
/// </summary>
internal sealed class FaultPlan : IDisposable
{
    // struct plan.
    private const int IsArmed = 0;
    private const int Nth = 4;
    private const int Error = 8;
    private const int Shorten = 12;
    private const int Hangs = 16;
    private const int Count = 20;
    private const int Struck = 24;
    private const int Call = 28;
    private const int Size = 64;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _plan;

    private FaultPlan(string library, string file, string directory)
    {
        Environment = new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library,
            ["IMAGEIO_FAULTS"] = file,
            ["IMAGEIO_FAULTS_DIRECTORY"] = directory,
        };
        File.WriteAllBytes(file, new byte[Size]);
        _file = MemoryMappedFile.CreateFromFile(file);
        _plan = _file.CreateViewAccessor();
    }

    /// <summary>The variables of the process that obeys the plan.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Calls that the plan has changed.</summary>
    public int StruckCalls => _plan.ReadInt32(Struck);

    /// <summary>Compiles the library. Skips the test where there is no C compiler.</summary>
    /// <param name="path">Where the library and the plan are put.</param>
    /// <param name="directory">The plan is about files below it.</param>
    public static async Task<FaultPlan> CreateAsync(string path, string directory)
    {
        SystemTool.Require("cc");
        string library = Path.Combine(path, "faults.so");
        string source = Path.Combine(RepositoryFiles.Root, "ImageIO.Tests", "Endurance", "Native", "faults.c");
        await SystemTool.RunAsync(
            "cc", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, source);
        return new FaultPlan(library, Path.Combine(path, "plan"), directory);
    }

    /// <summary>One call fails.</summary>
    /// <param name="call">Name of the system call.</param>
    /// <param name="nth">Which one, from now on, counted from 1.</param>
    /// <param name="error">How.</param>
    public void Fail(string call, int nth, Errno error) => Arm(call, nth, (int)error, shorten: false, hangs: false);

    /// <summary>One call moves a part of its bytes.</summary>
    public void Halve(string call, int nth) => Arm(call, nth, error: 0, shorten: true, hangs: false);

    /// <summary>One call hangs until <see cref="Clear"/>, and does its work then.</summary>
    public void Hang(string call, int nth) => Arm(call, nth, error: 0, shorten: false, hangs: true);

    /// <summary>All calls do their work from now on.</summary>
    public void Clear()
    {
        _plan.Write(IsArmed, 0);
        _plan.Write(Hangs, 0);
    }

    public void Dispose()
    {
        Clear();
        _plan.Dispose();
        _file.Dispose();
    }

    private void Arm(string call, int nth, int error, bool shorten, bool hangs)
    {
        Clear();
        _plan.Write(Nth, nth);
        _plan.Write(Error, error);
        _plan.Write(Shorten, shorten ? 1 : 0);
        _plan.Write(Hangs, hangs ? 1 : 0);
        _plan.Write(Count, 0);
        _plan.Write(Struck, 0);
        byte[] name = new byte[Size - Call];
        Encoding.ASCII.GetBytes(call, name);
        _plan.WriteArray(Call, name, 0, name.Length);
        Thread.MemoryBarrier();
        _plan.Write(IsArmed, 1);
    }
}
