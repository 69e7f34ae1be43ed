using System.Text.Json.Nodes;
using CliWrap;
using CliWrap.Buffered;
using ImageIO.Http.Hosting.Logs;
using ImageIO.Tests.Support;
using ImageIO.Web.Options;
using Serilog.Events;

namespace ImageIO.Tests.Daemon;

/// <summary>
/// Files that are written for the reference load here and mean the same (issue 18, section 4 of the contract).
/// </summary>
public sealed class ReferenceConfigurationTests
{
    // The files of Vdsm and engine-setup.
    private const string VdsmConf = """
        # Configuration overrides for vdsm.
        [tls]
        enable = true
        key_file = /etc/pki/vdsm/keys/vdsmkey.pem
        cert_file = /etc/pki/vdsm/certs/vdsmcert.pem
        ca_file = /etc/pki/vdsm/certs/cacert.pem

        [remote]
        port = 54322

        [local]
        enable = true

        [control]
        transport = unix
        """;

    private const string EngineConf = """
        # Configuration overrides for ovirt-engine.
        [tls]
        enable = true
        key_file = /etc/pki/ovirt-engine/keys/apache.key.nopass
        cert_file = /etc/pki/ovirt-engine/certs/apache.cer
        ca_file = /etc/pki/ovirt-engine/apache-ca.pem

        [backend_http]
        ca_file = /etc/pki/ovirt-engine/ca.pem

        [remote]
        port = 54323

        [local]
        enable = false

        [control]
        transport = tcp
        port = 54324

        [handlers]
        keys = logfile

        [logger_root]
        handlers = logfile
        level = INFO
        """;

    public static TheoryData<string, string> Silent => new()
    {
        { "Vdsm's file", VdsmConf },
        { "engine-setup's file", EngineConf },
        { "its developers' variant", EngineConf.Replace(
            "logfile", "stderr", StringComparison.Ordinal).Replace("INFO", "DEBUG", StringComparison.Ordinal) },
        { "preference of IPv6", "[control]\nprefer_ipv4 = False\n" },
        { "continued lines", "[handler_logfile]\nargs = (\n    '/var/log/ovirt-imageio/daemon.log',\n    )\n" },
        { "defaults", "[DEFAULT]\nlevel = INFO\n[logger_root]\nhandlers = logfile\n" },
        { "dictionary with single quotes", "[handler_logfile]\nkwargs = {'maxBytes': 20971520, 'backupCount': 10}\n" },
        { "arguments by position", "[handler_logfile]\nargs = ('/p', 'a', 20971520, 10)\nkwargs = {}\n" },
        { "timed rotation", "[handler_logfile]\nclass = logging.handlers.TimedRotatingFileHandler\nargs = ('/p', "
            + "'midnight')\nkwargs = {'backupCount': 7}\n" },
        { "watched file",
            "[handler_logfile]\nclass = logging.handlers.WatchedFileHandler\nargs = ('/p',)\nkwargs = {}\n" },
        { "syslog for standard error", "[handler_stderr]\nclass = logging.handlers.SysLogHandler\nargs = "
            + "('/dev/log',)\n[logger_root]\nhandlers = stderr\n" },
        { "both handlers", "[logger_root]\nhandlers = logfile,stderr\n" },
        { "both handlers with a blank", "[logger_root]\nhandlers = logfile, stderr\n" },
        { "level CRITICAL", "[logger_root]\nlevel = CRITICAL\n" },
        { "level FATAL", "[logger_root]\nlevel = FATAL\n" },
        { "level WARN", "[logger_root]\nlevel = WARN\n" },
        { "level NOTSET", "[handler_logfile]\nlevel = NOTSET\n" },
        { "buffer of 8 MiB", "[backend_file]\nbuffer_size = 8388608\n" },
        { "number with underscores", "[backend_file]\nbuffer_size = 8_388_608\n" },
        { "float with an exponent", "[daemon]\npoll_interval = 1e-1\n" },
        { "profiles", "[profile]\nfilename = /tmp/profile\nenable = 1\n" },
        { "other loggers",
            "[loggers]\nkeys = root,other\n[handlers]\nkeys = logfile,x\n[formatters]\nkeys = long,y\nz = 1\n" },
    };

    public static TheoryData<string, string> Warned => new()
    {
        { "[tls]\nenable_tls1_1 = true\n", "remove the option" },
        { "[tls]\ntransport = dotnet\n", ".NET's TLS is not offered any more" },
        { "[daemon]\nmax_connections = 0\n", "the least is 1, which is used" },
        { "[daemon]\ninactivity_timeout = 0\n", "the least is 1, which is used" },
        { "[daemon]\npoll_interval = -1\n", "0 is used; set a number of seconds, 0 or more" },
        { "[control]\nremove_timeout = -1\n", "0 is used; set a number of seconds, 0 or more" },
        { "[control]\nremove_timeout = nan\n", "60 is used; set a number of seconds, 0 or more" },
        { "[backend_file]\nbuffer_size = 1000001\n", "4 buffers of 253952 bytes are used; set a multiple of 16384" },
        { "[backend_file]\nbuffer_size = 0\n", "16384 is used; set 16384 to 268435456" },
        { "[backend_file]\nbuffer_size = 99999999999999999999\n", "268435456 is used; set 16384 to 268435456" },
        { "[logger_root]\nhandlers =\n", "lines go to standard error; set logfile or stderr" },
        { "[handler_logfile]\nclass = my.Handler\nargs = ('/p', 1, 2)\n",
            "FileHandler takes its place; set one of FileHandler, " },
        { "[handler_stderr]\nclass = my.Handler\n", "StreamHandler takes its place; set one of FileHandler, " },
        { "[handler_logfile]\nformatter = short\n", "the form of log lines is fixed" },
        { "[formatter_long]\nformat = %(message)s\n", "the form of log lines is fixed" },
    };

    // Sections, options and the type of each value as the reference shows them.
    private const string Shape = """
        {"daemon": {"poll_interval": 1.5, "max_connections": 1, "inactivity_timeout": 1, "run_dir": "",
            "drop_privileges": true, "user_name": "", "group_name": "", "systemd_enable": true},
         "tls": {"enable": true, "key_file": "", "cert_file": "", "ca_file": "", "enable_tls1_1": true},
         "backend_file": {"buffer_size": 1}, "backend_nbd": {"buffer_size": 1},
         "backend_http": {"buffer_size": 1, "ca_file": ""},
         "remote": {"host": "", "port": 1},
         "local": {"enable": true, "socket": ""},
         "control": {"enable": true, "transport": "", "prefer_ipv4": true, "socket": "",
            "port": 1, "remove_timeout": 1},
         "profile": {"filename": ""},
         "loggers": {"keys": ""}, "handlers": {"keys": ""}, "formatters": {"keys": ""},
         "logger_root": {"level": "", "handlers": "", "propagate": 1},
         "handler_logfile": {"class": "", "args": "", "kwargs": "", "level": "", "formatter": ""},
         "handler_stderr": {"class": "", "level": "", "formatter": ""},
         "formatter_long": {"format": ""}}
        """;

    [Theory]
    [MemberData(nameof(Silent))]
    public void File_loads_without_a_warning(string what, string text)
    {
        DaemonConfiguration configuration = Read(text);

        Assert.True(
            !configuration.Reader.Warnings.Any(), $"{what}: {string.Join('\n', configuration.Reader.Warnings)}");
    }

    [Theory]
    [MemberData(nameof(Warned))]
    public void Value_that_cannot_be_used_as_it_is_loads_with_a_warning_and_a_remedy(string text, string remedy)
    {
        string warning = Assert.Single(Read(text).Reader.Warnings);

        Assert.StartsWith("test.conf: option '", warning, StringComparison.Ordinal);
        Assert.Contains(remedy, warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Buffer_size_is_the_memory_of_one_operation()
    {
        DaemonConfiguration configuration = Read("[backend_file]\nbuffer_size = 8388608\n");

        Assert.Equal(
            (2 * 1024 * 1024, 4), (configuration.RingFor("file").BufferSize, configuration.RingFor("file").QueueDepth));
        Assert.Equal(2 * 8 * 8388608, configuration.BufferCeiling);
        Assert.Equal(
            (1024 * 1024, 4), (configuration.RingFor("block").BufferSize, configuration.RingFor("block").QueueDepth));
    }

    [Fact]
    public void Handlers_level_counts_beside_the_roots()
    {
        LogSettings log = Read(
            "[handler_logfile]\nlevel = ERROR\n[logger_root]\nhandlers = logfile,stderr\nlevel = WARN\n").Log;

        Assert.Equal(LogEventLevel.Warning, log.Level);
        Assert.Equal([LogEventLevel.Error, LogEventLevel.Debug], log.Targets.Select(target => target.Level));
    }

    [Fact(Timeout = 30_000)]
    public async Task Show_config_has_the_references_sections_names_and_types_and_nothing_but_json()
    {
        using var files = new DaemonFiles("[remote]\nhost = no such host\n[tls]\nkey_file = "
            + "/nowhere\n[daemon]\nplugin_dir = /nowhere\nunknown = 1\n");

        BufferedCommandResult result = await Cli.Wrap(DaemonProcess.Executable)
            .WithArguments(["-c", files.Path, "--show-config"])
            .WithValidation(CommandResultValidation.None).ExecuteBufferedAsync();

        Assert.Equal((0, ""), (result.ExitCode, result.StandardError));
        JsonObject shown = JsonNode.Parse(result.StandardOutput)!.AsObject();
        foreach ((string section, JsonNode? options) in JsonNode.Parse(Shape)!.AsObject())
        {
            foreach ((string name, JsonNode? example) in options!.AsObject())
            {
                JsonNode? value = shown[section]?[name];
                Assert.True(value is not null, $"[{section}] {name} is not shown");
                Assert.Equal((section, name, TypeOf(example!)), (section, name, TypeOf(value)));
            }
        }
    }

    private static string TypeOf(JsonNode value) => value.ToJsonString() switch
    {
        "true" or "false" => "boolean",
        ['"', ..] => "text",
        { } number when number.Contains('.', StringComparison.Ordinal) => "float",
        _ => "integer",
    };

    private static DaemonConfiguration Read(string text) => DaemonConfiguration.Read(
        IniFile.Parse("test.conf", text.Split('\n')));
}
