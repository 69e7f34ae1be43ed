using ImageIO.Core.Backends;

namespace ImageIO.Web.Options;

/// <summary>Gives each backend the options of its own section.</summary>
internal sealed class BackendSections(ConfigurationReader reader) : IBackendSections
{
    // Timers take no longer times: 24 days.
    private static readonly TimeSpan LongestTime = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <inheritdoc />
    public IBackendOptions Of(string backendName) => new Section(reader, $"backend_{backendName}");

    private sealed class Section(ConfigurationReader reader, string section) : IBackendOptions
    {
        public string Text(string option, string ifMissing) => reader.Text(section, option, ifMissing);

        public int Integer(string option, int ifMissing, int minimum, int maximum) =>
            reader.Integer(section, option, ifMissing, minimum, maximum);

        public TimeSpan Seconds(string option, double ifMissing)
        {
            TimeSpan value = reader.Seconds(section, option, ifMissing);
            return value <= LongestTime
                ? value
                : throw reader.Wrong(section, option, $"a number of seconds from 0 to {(int)LongestTime.TotalSeconds}");
        }

        public bool Boolean(string option, bool ifMissing) => reader.Boolean(section, option, ifMissing);

        public Exception Wrong(string option, string expected) => reader.Wrong(section, option, expected);
    }
}
