namespace ImageIO.Backends.Rbd.Native;

/// <summary>Errors of librbd and librados, which return them negated, with the numbers of errno(3) on Linux.</summary>
internal static class Errno
{
    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int EIO = 5;
    internal const int EACCES = 13;
    internal const int EBUSY = 16;
    internal const int EINVAL = 22;
    internal const int ENOSPC = 28;
    internal const int EROFS = 30;
    internal const int ERANGE = 34;
    internal const int ESHUTDOWN = 108;
    internal const int ETIMEDOUT = 110;
    internal const int EDQUOT = 122;
    internal const int ECANCELED = 125;

    /// <summary>Name of an error that librbd or librados returned, or its number.</summary>
    /// <param name="result">The result, negative.</param>
    internal static string Name(long result) => -result switch
    {
        EPERM => nameof(EPERM),
        ENOENT => nameof(ENOENT),
        EIO => nameof(EIO),
        EACCES => nameof(EACCES),
        EBUSY => nameof(EBUSY),
        EINVAL => nameof(EINVAL),
        ENOSPC => nameof(ENOSPC),
        EROFS => nameof(EROFS),
        ERANGE => nameof(ERANGE),
        ESHUTDOWN => nameof(ESHUTDOWN),
        ETIMEDOUT => nameof(ETIMEDOUT),
        EDQUOT => nameof(EDQUOT),
        ECANCELED => nameof(ECANCELED),
        var other => FormattableString.Invariant($"error {other}"),
    };
}
