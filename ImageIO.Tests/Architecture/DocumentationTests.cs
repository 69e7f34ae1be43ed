using System.Globalization;
using System.Text.RegularExpressions;
using ImageIO.Proxy.Options;
using ImageIO.Tests.Support;
using ImageIO.Web.Hosting;
using ImageIO.Web.Options;

namespace ImageIO.Tests.Architecture;

/// <summary>Compares the documentation for administrators with the code.</summary>
public sealed partial class DocumentationTests
{
    // Every option that the daemon asks for, with its default.
    private static IEnumerable<string> Known => Options(WithBackends([]));

    [Fact]
    public void Every_option_stands_in_the_configuration_page_with_its_default_and_no_other_does()
    {
        Assert.Equal(
            Known.Order(StringComparer.Ordinal), OptionsInPage("configuration.md").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_option_of_the_proxy_stands_in_its_page_and_in_its_sample_with_its_default_and_no_other_does()
    {
        string sample = Path.Combine(RepositoryFiles.Root, "packaging", "ovirt-imageio-proxy.conf");
        string[] known = [.. Texts(ProxyConfiguration.Read([]).Reader).Order(StringComparer.Ordinal)];

        Assert.Equal(known, OptionsInPage("proxy.md").Order(StringComparer.Ordinal));
        Assert.Equal(known, Uncommented(sample).Select(option =>
            $"[{option.Section}] {option.Name} = {option.Value}").Order(StringComparer.Ordinal));
        Assert.DoesNotContain(IniFile.Read(sample), option => !option.IsHeader);
    }

    [Theory]
    [InlineData("configuration.md", "ovirt-imageio.conf.5")]
    [InlineData("proxy.md", "ovirt-imageio-proxy.conf.5")]
    public void Every_option_stands_in_the_manual_page_with_its_default_and_no_other_does(string page, string manual)
    {
        Assert.Equal(
            OptionsInPage(page).Order(StringComparer.Ordinal), OptionsInManual(manual).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_option_stands_in_the_sample_configuration_and_no_other_does()
    {
        string[] inSample = [.. SampleOptions().Select(option => $"[{option.Section}] {option.Name}")];

        Assert.Equal(
            WithBackends([]).Reader.Effective.Select(option => $"[{option.Section}] {option.Name}").Order(
                StringComparer.Ordinal),
            inSample.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Uncommenting_the_whole_sample_configuration_changes_no_value()
    {
        DaemonConfiguration configuration = WithBackends(SampleOptions());

        Assert.Empty(configuration.Reader.Unknown);
        Assert.Equal(Known, Options(configuration));
    }

    [Fact]
    public void The_sample_configuration_as_it_is_sets_nothing()
    {
        Assert.DoesNotContain(IniFile.Read(SamplePath()), option => !option.IsHeader);
    }

    [Fact]
    public void Default_memory_ceiling_is_the_one_in_the_configuration_page()
    {
        const long Documented = 64L * 1024 * 1024;

        Assert.Contains(RepositoryFiles.ReadLines(
            "docs", "configuration.md"), line => line.Contains("= **64 MiB**", StringComparison.Ordinal));
        Assert.Equal(Documented, DaemonConfiguration.Read([]).BufferCeiling);
    }

    [Theory]
    [InlineData("configuration.md")]
    [InlineData("images.md")]
    [InlineData("tickets.md")]
    [InlineData("extents.md")]
    [InlineData("checksum.md")]
    [InlineData("operations.md")]
    [InlineData("info.md")]
    [InlineData("proxy.md")]
    [InlineData("cli.md")]
    [InlineData("client.md")]
    [InlineData("page.md")]
    [InlineData("backends/file.md")]
    [InlineData("backends/nbd.md")]
    [InlineData("backends/rbd.md")]
    public void Page_has_the_headings_that_all_pages_have(string page)
    {
        IEnumerable<string> headings = RepositoryFiles.ReadLines("docs", page)
            .Where(line => line.StartsWith("## ", StringComparison.Ordinal));

        Assert.Equal(
            ["## Synopsis", "## Description", "## Parameters", "## Examples", "## Errors", "## Limits", "## Since"],
            headings);
    }

    // With the options that the backends ask for when they are made.
    private static DaemonConfiguration WithBackends(IEnumerable<IniOption> given)
    {
        var configuration = DaemonConfiguration.Read(given);
        configuration.ReadBackendOptions();
        return configuration;
    }

    private static IEnumerable<string> Options(DaemonConfiguration configuration) => Texts(configuration.Reader);

    private static IEnumerable<string> Texts(ConfigurationReader reader) =>
        from option in reader.Effective
        select $"[{option.Section}] {option.Name} = {Text(option.Value)}";

    private static string Text(object value) => value switch
    {
        bool boolean => boolean ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    // Rows like "| `name` | type | `default` | ..." below a heading that names one section or several.
    private static IEnumerable<string> OptionsInPage(string page)
    {
        string[] sections = [];
        foreach (string line in RepositoryFiles.ReadLines("docs", page))
        {
            if (line.StartsWith('#'))
            {
                sections = [.. Section().Matches(line).Select(match => match.Groups["name"].Value)];
            }
            else if (Row().Match(line) is { Success: true } row)
            {
                foreach (string section in sections)
                {
                    yield return $"[{section}] {row.Groups["name"].Value} = {row.Groups["default"].Value}";
                }
            }
        }
    }

    // Lines like ".BR name " = default"" below ".SS "[section]"", which a page with one section leaves out.
    private static IEnumerable<string> OptionsInManual(string manual)
    {
        string[] sections = ["proxy"];
        foreach (string line in File.ReadLines(Path.Combine(RepositoryFiles.Root, "packaging", "man", manual)))
        {
            string plain = line.Replace("\\-", "-", StringComparison.Ordinal).Replace(
                "\\e", "\\", StringComparison.Ordinal);
            if (plain.StartsWith(".SS ", StringComparison.Ordinal))
            {
                sections = [.. ManualSection().Matches(plain).Select(match => match.Groups["name"].Value)];
            }
            else if (ManualOption().Match(plain) is { Success: true } option)
            {
                string value = option.Groups["default"].Value.Replace("\\(dq", "\"", StringComparison.Ordinal);
                foreach (string section in sections)
                {
                    yield return $"[{section}] {option.Groups["name"].Value} = {(value == "(empty)" ? "" : value)}";
                }
            }
        }
    }

    // In the sample "#name = value" is an option, and "# text" a remark.
    private static IReadOnlyList<IniOption> SampleOptions() => Uncommented(SamplePath());

    private static IReadOnlyList<IniOption> Uncommented(string sample) =>
    [
        .. IniFile.Parse(sample, File.ReadLines(sample).Select(line => SampleOption().IsMatch(line) ? line[1..] : line))
            .Where(option => !option.IsHeader),
    ];

    private static string SamplePath() => Path.Combine(RepositoryFiles.Root, "packaging", "README");

    [GeneratedRegex(@"`\[(?<name>\w+)\]`", RegexOptions.CultureInvariant)]
    private static partial Regex Section();

    [GeneratedRegex(
        @"^\| `(?<name>\w+)` \| [^|]+ \| (?:`(?<default>[^`]*)`|\(empty\)) \|", RegexOptions.CultureInvariant)]
    private static partial Regex Row();

    [GeneratedRegex(@"\[(?<name>\w+)\]", RegexOptions.CultureInvariant)]
    private static partial Regex ManualSection();

    [GeneratedRegex(@"^\.BR (?<name>\w+) "" = (?<default>.*)""$", RegexOptions.CultureInvariant)]
    private static partial Regex ManualOption();

    [GeneratedRegex(@"^#\w+ =", RegexOptions.CultureInvariant)]
    private static partial Regex SampleOption();
}
