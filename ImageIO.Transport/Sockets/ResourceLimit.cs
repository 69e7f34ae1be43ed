using System.Runtime.InteropServices;

namespace ImageIO.Transport.Sockets;

/// <summary><c>struct rlimit</c> of getrlimit(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ResourceLimit
{
    /// <summary>rlim_cur: the limit in force.</summary>
    public nuint Current;

    /// <summary>rlim_max: the highest that it may be raised to.</summary>
    public nuint Most;
}
