using System.Runtime.InteropServices;

namespace ImageIO.Transport.Sockets;

/// <summary><c>struct rlimit</c> of getrlimit(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ResourceLimit
{
    /// <summary>What counts now (rlim_cur).</summary>
    public nuint Current;

    /// <summary>What it may be raised to (rlim_max).</summary>
    public nuint Most;
}
