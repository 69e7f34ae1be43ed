using ImageIO.Http.Hosting.Logs;
using ImageIO.Tests.Support;
using ImageIO.Web.Options;
using Serilog.Events;

namespace ImageIO.Tests.Daemon;

/// <summary>How the daemon's INI files are read and merged (configuration, "Daemon: INI drop-ins").</summary>
public sealed class ConfigurationFileTests
{
    [Theory]
    [InlineData("[local]\nsocket = /run/s\n", "/run/s")]
    [InlineData("[local]\nsocket=/run/s\n", "/run/s")]
    [InlineData("[local]\n  socket  =  /run/s  \n", "/run/s")]
    [InlineData("[local]\nsocket: /run/s\n", "/run/s")]
    [InlineData("[local]\nSOCKET = /run/s\n", "/run/s")]
    [InlineData("[local]\n# socket = /a\n; socket = /b\nsocket = /run/s\n", "/run/s")]
    [InlineData("[local]\nsocket = /run/s # no comment\n", "/run/s # no comment")]
    [InlineData("[local]\nsocket = \"/run/s\"\n", "\"/run/s\"")]
    [InlineData("[local]\nsocket = %(run_dir)s/%s%%\n", "%(run_dir)s/%s%%")]
    [InlineData("[local]\nsocket = a=b:c\n", "a=b:c")]
    [InlineData("[local]\nsocket =\n", "")]
    [InlineData("[local]\nsocket\n", "")]
    [InlineData("[local]\nsocket = relative/s\n", "relative/s")]
    [InlineData("\r\n[local]\r\nsocket = /run/s\r\n", "/run/s")]
    [InlineData("[other]\nsocket = /a\n[local]\nsocket = /run/s\n[more]\nsocket = /b\n", "/run/s")]
    public void Value_is_taken_as_it_stands(string text, string value) => Assert.Equal(value, Read(text).Local.Socket);

    [Theory]
    [InlineData("true", true)]
    [InlineData("True", true)]
    [InlineData("YES", true)]
    [InlineData("1", true)]
    [InlineData("on", true)]
    [InlineData("false", false)]
    [InlineData("no", false)]
    [InlineData("0", false)]
    [InlineData("Off", false)]
    public void Booleans_have_four_words_each(string word, bool value) =>
        Assert.Equal(value, Read($"[local]\nenable = {word}\n").Local.Enable);

    [Theory]
    [InlineData("")]
    [InlineData("t")]
    [InlineData("2")]
    [InlineData("None")]
    [InlineData("true false")]
    public void Other_words_are_no_boolean(string word) =>
        Assert.Contains(
            "true, yes, 1, on, false, no, 0 or off", Refusal($"[local]\nenable = {word}\n"), StringComparison.Ordinal);

    [Theory]
    [InlineData("socket = /run/s\n", "line 1")]
    [InlineData("[local]\n= value\n", "line 2")]
    [InlineData("[local\nsocket = /run/s\n", "line 1")]
    [InlineData("[]\nsocket = /run/s\n", "line 1")]
    [InlineData("[local]\n[local]\n", "line 2")]
    [InlineData("[local]\nsocket = /a\n\nSocket = /b\n", "line 4")]
    public void Line_that_is_none_of_these_is_refused_with_file_and_number(string text, string named)
    {
        string refusal = Refusal(text);

        Assert.Contains("test.conf", refusal, StringComparison.Ordinal);
        Assert.Contains(named, refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("remote", "port", "54322.0")]
    [InlineData("remote", "port", "0x10")]
    [InlineData("remote", "port", "54 322")]
    [InlineData("remote", "port", "")]
    [InlineData("remote", "port", "99999999999999999999")]
    [InlineData("control", "port", "-2")]
    [InlineData("control", "prefer_ipv4", "ipv4")]
    [InlineData("control", "enable", "")]
    [InlineData("control", "remove_timeout", "60s")]
    [InlineData("daemon", "poll_interval", "often")]
    [InlineData("daemon", "max_connections", "8.5")]
    [InlineData("daemon", "max_connections", "true")]
    [InlineData("daemon", "inactivity_timeout", "1_")]
    [InlineData("daemon", "drop_privileges", "root")]
    [InlineData("daemon", "systemd_enable", "auto")]
    [InlineData("backend_block", "buffer_size", "8M")]
    [InlineData("backend_http", "queue_depth", "-1")]
    [InlineData("logger_root", "format", "xml")]
    [InlineData("handler_logfile", "args", "(1,)")]
    [InlineData("handler_logfile", "args", "()")]
    [InlineData("handler_logfile", "kwargs", "{\"maxBytes\": \"20M\"}")]
    [InlineData("handler_logfile", "kwargs", "{'maxBytes': 1")]
    [InlineData("handler_logfile", "kwargs", "{'minBytes': 1}")]
    [InlineData("handler_logfile", "level", "LOUD")]
    [InlineData("logger_root", "handlers", "logfile,printer")]
    [InlineData("monitor", "address", "9100")]
    public void Value_of_a_wrong_type_is_refused_with_all_that_is_to_know(string section, string option, string value)
    {
        string refusal = Refusal($"[{section}]\n{option} = {value}\n");

        Assert.StartsWith($"test.conf: option '{option}' of section [{section}] is '{value}', "
            + $"expected ", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal);
    }

    [Fact]
    public void Drop_ins_of_both_directories_are_merged_by_base_name_and_the_later_wins()
    {
        using var vendor = new ImageDirectory();
        using var own = new ImageDirectory();
        Add(vendor, "10-a.conf", "[daemon]\nmax_connections = 1\ninactivity_timeout = 1\nuser_name = "
            + "vendor-10\ngroup_name = vendor-10\n");
        Add(own, "50-b.conf", "[daemon]\nmax_connections = 2\ninactivity_timeout = 2\nuser_name = own-50\n");
        Add(vendor, "60-c.conf", "[daemon]\nmax_connections = 3\n");
        Add(vendor, "99-d.conf", "[daemon]\ninactivity_timeout = 4\n");
        Add(own, "99-d.conf", "[daemon]\ninactivity_timeout = 5\n");
        Add(own, "99-e.conf.bak", "[daemon]\ninactivity_timeout = 6\n");

        DaemonOptions options = DaemonConfiguration.Load(own.Path, vendor.Path).Daemon;

        Assert.Equal((3, 4), (options.MaxConnections, options.InactivityTimeoutSeconds));
        Assert.Equal(("own-50", "vendor-10"), (options.UserName, options.GroupName));
    }

    [Fact]
    public void Directory_without_a_drop_in_is_an_error_although_the_vendor_has_some()
    {
        using var vendor = new ImageDirectory();
        using var own = new ImageDirectory();
        Add(vendor, "10-a.conf", "[daemon]\n");
        Directory.CreateDirectory(Path.Combine(own.Path, "conf.d"));

        var refused = Assert.Throws<ConfigurationException>(() => DaemonConfiguration.Load(own.Path, vendor.Path));

        Assert.Contains(Path.Combine(own.Path, "conf.d"), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_existing_systems_write_is_accepted_without_a_warning()
    {
        // Sections and options of the reference's logging, and those that have no effect here.
        DaemonConfiguration configuration = Read("""
            [daemon]
            poll_interval = 1.0
            [tls]
            enable_tls1_1 = false
            [loggers]
            keys = root
            [handlers]
            keys = stderr,logfile
            [formatters]
            keys = long
            [logger_root]
            level = DEBUG
            handlers = logfile
            [handler_logfile]
            args = ('/var/log/ovirt-imageio/daemon.log',)
            kwargs = {"maxBytes": 1000, "backupCount": 3}
            [handler_stderr]
            class = logging.StreamHandler
            args = ()
            [formatter_long]
            format = %(asctime)s %(levelname)-7s (%(threadName)s) [%(name)s] %(message)s
            [profile]
            filename = /run/ovirt-imageio/profile
            """);

        var target = new LogFileTarget("/var/log/ovirt-imageio/daemon.log")
        {
            Level = LogEventLevel.Debug,
            Rotation = new SizeRotation(1000) { BackupCount = 3 },
        };
        Assert.Equal([target], configuration.Log.Targets);
        Assert.Empty(configuration.Reader.Unknown.Select(option => $"[{option.Section}] {option.Name}"));
    }

    [Fact]
    public void Unknown_sections_and_options_are_remembered_for_one_warning_each()
    {
        DaemonConfiguration configuration = Read("[future]\na = 1\nb = 2\n[daemon]\nc = 3\n");

        Assert.Equal(["future a",
            "future b", "daemon c"], configuration.Reader.Unknown.Select(option => $"{option.Section} {option.Name}"));
        Assert.Equal(3, configuration.Reader.Warnings.Count());
    }

    [Theory]
    [InlineData("[daemon]\nmax_conections = 1\n", "did you mean 'max_connections'?")]
    [InlineData("[deamon]\nmax_connections = 1\n", "did you mean 'max_connections' in section [daemon]?")]
    [InlineData("[tls]\nport = 1\n", "did you mean 'port' in section [remote]?")]
    [InlineData("[tls]\nquite_another = 1\n", "unknown option 'quite_another' in section [tls] has no effect")]
    [InlineData("[DEFAULT]\nquite_another = 1\n", "unknown option 'quite_another' in section [DEFAULT] has no effect")]
    public void Unknown_option_is_answered_with_the_one_that_was_meant(string text, string answer)
    {
        string warning = Assert.Single(Read(text).Reader.Warnings);

        Assert.EndsWith(answer, warning, StringComparison.Ordinal);
        Assert.StartsWith("test.conf: ", warning, StringComparison.Ordinal);
    }

    private static void Add(ImageDirectory directory, string name, string text)
    {
        string dropIns = Directory.CreateDirectory(Path.Combine(directory.Path, "conf.d")).FullName;
        File.WriteAllText(Path.Combine(dropIns, name), text);
    }

    private static DaemonConfiguration Read(string text) => DaemonConfiguration.Read(
        IniFile.Parse("test.conf", text.Split('\n')));

    private static string Refusal(string text) => Assert.Throws<ConfigurationException>(() => Read(text)).Message;
}
