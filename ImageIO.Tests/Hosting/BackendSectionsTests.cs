using ImageIO.Core.Backends;
using ImageIO.Web.Options;

namespace ImageIO.Tests.Hosting;

public sealed class BackendSectionsTests
{
    private readonly ConfigurationReader _reader = new(
    [
        new IniOption("backend_tape", "library", "/dev/sg0", "tape.conf"),
        new IniOption("backend_tape", "drives", "3", "tape.conf"),
        new IniOption("backend_tape", "timeout", "1.5", "tape.conf"),
        new IniOption("backend_tape", "eject", "no", "tape.conf"),
        new IniOption("backend_tape", "colour", "red", "tape.conf"),
        new IniOption("backend_disk", "drives", "4", "tape.conf"),
    ]);

    [Fact]
    public void A_backend_reads_the_options_of_its_own_section_and_the_rest_is_unknown()
    {
        IBackendOptions options = new BackendSections(_reader).Of("tape");

        Assert.Equal("/dev/sg0", options.Text("library", ""));
        Assert.Equal(3, options.Integer("drives", 1, 1, 8));
        Assert.Equal(TimeSpan.FromSeconds(1.5), options.Seconds("timeout", 10));
        Assert.False(options.Boolean("eject", true));
        Assert.Equal("default", options.Text("missing", "default"));
        Assert.Equal(["colour", "drives"], _reader.Unknown.Select(option => option.Name));
        Assert.Contains(("backend_tape", "missing", "default"), _reader.Effective);
    }

    [Fact]
    public void A_wrong_value_is_refused_with_file_section_option_value_and_what_would_be_right()
    {
        IBackendOptions options = new BackendSections(_reader).Of("tape");

        var tooMany = Assert.Throws<ConfigurationException>(() => options.Integer("drives", 1, 1, 2));
        Exception wrong = options.Wrong("library", "a tape library");

        Assert.Equal(
            "tape.conf: option 'drives' of section [backend_tape] is '3', expected an integer from 1 to 2",
            tooMany.Message);
        Assert.Equal(
            "tape.conf: option 'library' of section [backend_tape] is '/dev/sg0', expected a tape library",
            wrong.Message);
        Assert.IsType<ConfigurationException>(wrong);
    }
}
