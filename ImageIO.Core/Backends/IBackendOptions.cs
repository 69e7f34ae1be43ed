namespace ImageIO.Core.Backends;

/// <summary>
/// The options of one backend's configuration section, <c>[backend_NAME]</c>. Each option is asked for once, with its
/// default, in the factory's constructor: what was asked for is shown by <c>--show-config</c>, and an option of the
/// section that nothing asks for is reported as unknown.
/// </summary>
public interface IBackendOptions
{
    /// <summary>A text, as it stands in the file.</summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="ifMissing">The default.</param>
    string Text(string option, string ifMissing);

    /// <summary>An integer. A value outside of the range stops the start of the daemon.</summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="ifMissing">The default.</param>
    /// <param name="minimum">Least value.</param>
    /// <param name="maximum">Greatest value.</param>
    int Integer(string option, int ifMissing, int minimum, int maximum = int.MaxValue);

    /// <summary>
    /// A duration: a number of seconds from 0 to 2147483 (24 days, the longest time of a timer), with or without a
    /// fraction. Less counts as 0, with a warning. With more the daemon fails to start.
    /// </summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="ifMissing">The default, in seconds.</param>
    TimeSpan Seconds(string option, double ifMissing);

    /// <summary>A boolean: true, yes, 1, on, false, no, 0 or off.</summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="ifMissing">The default.</param>
    bool Boolean(string option, bool ifMissing);

    /// <summary>
    /// The exception to throw for a value that the backend cannot use. It names the file, the option and its value, and
    /// stops the start of the daemon.
    /// </summary>
    /// <param name="option">Name of the option, in lower case.</param>
    /// <param name="expected">What would be right, like <c>a directory that exists</c>.</param>
    Exception Wrong(string option, string expected);
}
