using System.Globalization;

namespace ImageIO.Tests.Support;

/// <summary>A control group of its own for one process, which bounds its threads (pids.max).</summary>
internal sealed class PidsLimit : IDisposable
{
    // Version 1 has a hierarchy for it; version 2 has one for all.
    private static readonly string[] Hierarchies = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];

    private readonly string _group;
    private readonly string _parent;

    private PidsLimit(string parent, string group) => (_parent, _group) = (parent, group);

    /// <summary>
    /// Puts a process into a group that allows so many further threads. Null: this machine has no such groups for us.
    /// </summary>
    public static PidsLimit? TrySet(int process, int more)
    {
        string? parent = Hierarchies.FirstOrDefault(path => File.Exists(Path.Combine(path, "cgroup.procs")));
        if (parent is null)
        {
            return null;
        }

        string group = Path.Combine(parent, $"imageio-test-{process}");
        try
        {
            Directory.CreateDirectory(group);
            var limit = new PidsLimit(parent, group);
            limit.Write("cgroup.procs", process);
            int current = int.Parse(
                File.ReadAllText(Path.Combine(group, "pids.current")), CultureInfo.InvariantCulture);
            limit.Write("pids.max", current + more);
            return limit;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Dispose()
    {
        foreach (string process in File.ReadAllLines(Path.Combine(_group, "cgroup.procs")))
        {
            File.WriteAllText(Path.Combine(_parent, "cgroup.procs"), process);
        }

        Directory.Delete(_group);
    }

    private void Write(string file, int value) =>
        File.WriteAllText(Path.Combine(_group, file), value.ToString(CultureInfo.InvariantCulture));
}
