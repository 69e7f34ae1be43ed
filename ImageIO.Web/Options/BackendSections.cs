using ImageIO.Core.Backends;

namespace ImageIO.Web.Options;

/// <summary>Gives each backend the options of its own section, out of the daemon's configuration.</summary>
internal sealed class BackendSections(ConfigurationReader reader) : IBackendSections
{
    /// <inheritdoc />
    public IBackendOptions Of(string backendName) => new Section(reader, $"backend_{backendName}");

    private sealed class Section(ConfigurationReader reader, string section) : IBackendOptions
    {
        public string Text(string option, string ifMissing) => reader.Text(section, option, ifMissing);

        public int Integer(string option, int ifMissing, int minimum, int maximum) =>
            reader.Integer(section, option, ifMissing, minimum, maximum);

        public TimeSpan Seconds(string option, double ifMissing) => reader.Seconds(section, option, ifMissing);

        public bool Boolean(string option, bool ifMissing) => reader.Boolean(section, option, ifMissing);

        public Exception Wrong(string option, string expected) => reader.Wrong(section, option, expected);
    }
}
