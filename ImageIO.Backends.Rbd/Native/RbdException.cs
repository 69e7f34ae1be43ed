

namespace ImageIO.Backends.Rbd.Native;

/// <summary>An error of librbd or librados. Callers turn it into a failure of the transfer.</summary>
internal sealed class RbdException(string call, long result) : Exception($"{call} failed: {Errno.Name(result)}")
{
    /// <summary>The function.</summary>
    public string Call => call;

    /// <summary>Its result, negative.</summary>
    public long Result => result;

    /// <summary>Throws for a negative result.</summary>
    public static void ThrowIfError(string call, long result)
    {
        if (result < 0)
        {
            throw new RbdException(call, result);
        }
    }
}
