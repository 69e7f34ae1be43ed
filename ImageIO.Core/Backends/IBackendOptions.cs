namespace ImageIO.Core.Backends;

/// <summary>
/// The options in one backend's configuration section, <c>[backend_NAME]</c>. The factory's constructor asks for each
/// option once, with its default. <c>--show-config</c> shows these, and any other option is reported as unknown.
/// </summary>
public interface IBackendOptions
{
    /// <summary>A text, unchanged.</summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="ifMissing">The default.</param>
    string Text(string option, string ifMissing);

    /// <summary>An integer. With a value out of range the daemon fails to start.</summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="ifMissing">The default.</param>
    /// <param name="minimum">Least value.</param>
    /// <param name="maximum">Greatest value.</param>
    int Integer(string option, int ifMissing, int minimum, int maximum = int.MaxValue);

    /// <summary>
    /// A duration in seconds, with or without a fraction, from 0 to 2147483 (24 days, the longest time of a timer).
    /// Less counts as 0, with a warning. With more the daemon fails to start.
    /// </summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="ifMissing">The default, in seconds.</param>
    TimeSpan Seconds(string option, double ifMissing);

    /// <summary>A boolean: true, yes, 1, on, false, no, 0 or off.</summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="ifMissing">The default.</param>
    bool Boolean(string option, bool ifMissing);

    /// <summary>
    /// The exception to throw for a value that the backend cannot use. It names file, option and value. The daemon
    /// fails to start with it.
    /// </summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="expected">A correct value, like <c>a directory that exists</c>.</param>
    Exception Wrong(string option, string expected);
}
