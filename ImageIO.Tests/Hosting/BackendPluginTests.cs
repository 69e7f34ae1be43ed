using ImageIO.Core.Backends;
using ImageIO.Tests.Support;
using ImageIO.Web.Hosting;
using Microsoft.Extensions.DependencyInjection;

namespace ImageIO.Tests.Hosting;

public sealed class BackendPluginTests : IDisposable
{
    private static readonly Version Core = typeof(IBackend).Assembly.GetName().Version!;

    private readonly string _directory = Directory.CreateTempSubdirectory("imageio-plugins-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Without_plugins_the_deployed_backends_are_found()
    {
        Assert.Equal(["block", "file", "nbd", "rbd"], Names(_directory));
        Assert.Equal(["block", "file", "nbd", "rbd"], Names(""));
        Assert.Equal(["block", "file", "nbd", "rbd"], Names("/usr/lib/ovirt-imageio/backends"));
    }

    [Fact]
    public void Directory_that_is_missing_stops_the_start_unless_it_is_the_default()
    {
        string missing = Path.Combine(_directory, "missing");

        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Names(missing));

        Assert.Contains(missing, e.Message, StringComparison.Ordinal);
        Assert.Contains("plugin_dir", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_that_is_no_assembly_stops_the_start_and_is_named()
    {
        string file = Path.Combine(_directory, "ImageIO.Backends.Broken.dll");
        File.WriteAllText(file, "not an assembly");
        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Names(_directory));
        Assert.Contains(file, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Backend_in_a_directory_of_its_own_is_loaded_too()
    {
        string file = Path.Combine(
            Directory.CreateDirectory(Path.Combine(_directory, "broken")).FullName, "ImageIO.Backends.Broken.dll");
        File.WriteAllText(file, "not an assembly");
        Assert.Throws<ConfigurationException>(() => Names(_directory));
    }

    [Theory]
    [InlineData("Other.Backends.Broken.dll")]
    [InlineData("ImageIO.Backends.Broken.txt")]
    public void Other_files_are_left_alone(string name)
    {
        File.WriteAllText(Path.Combine(_directory, name), "not an assembly");
        Assert.Equal(["block", "file", "nbd", "rbd"], Names(_directory));
    }

    [Theory]
    [MemberData(nameof(OtherContracts))]
    public void Backend_built_against_another_contract_stops_the_start_and_both_versions_are_named(string built)
    {
        string file = Path.Combine(_directory, "ImageIO.Backends.Other.dll");
        AssemblyFile.Write(file, "ImageIO.Core", Version.Parse(built));
        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Names(_directory));
        Assert.Contains(file, e.Message, StringComparison.Ordinal);
        Assert.Contains(Version.Parse(built).ToString(3), e.Message, StringComparison.Ordinal);
        Assert.Contains(Core.ToString(3), e.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string> OtherContracts =>
        [$"{Core.Major + 1}.0.0.0",
            $"{Core.Major}.{Core.Minor + 1}.0.0", $"{Core.Major}.{Core.Minor}.{Core.Build + 1}.0"];

    [Fact]
    public void Assembly_without_a_backend_is_a_dependency_and_does_no_harm()
    {
        AssemblyFile.Write(Path.Combine(_directory, "ImageIO.Backends.Shared.dll"), "ImageIO.Core", Core);
        Assert.Equal(["block", "file", "nbd", "rbd"], Names(_directory));
    }

    [Fact]
    public void Two_backends_of_one_name_stop_the_start_and_both_files_are_named()
    {
        string deployed = Path.Combine(AppContext.BaseDirectory, "ImageIO.Backends.File.dll");
        string second = Path.Combine(_directory, "ImageIO.Backends.File.dll");
        File.Copy(deployed, second);
        File.Copy(Path.Combine(AppContext.BaseDirectory, "ImageIO.Backends.Posix.dll"), Path.Combine(
            _directory, "ImageIO.Backends.Posix.dll"));
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => Names(_directory));
        Assert.Contains("'file'", e.Message, StringComparison.Ordinal);
        Assert.Contains(deployed, e.Message, StringComparison.Ordinal);
        Assert.Contains(second, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Backend_that_everybody_may_write_is_not_loaded()
    {
        string file = Path.Combine(_directory, "ImageIO.Backends.Shared.dll");
        AssemblyFile.Write(file, "ImageIO.Core", Core);
        File.SetUnixFileMode(file, (UnixFileMode)0b110_110_110);
        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Names(_directory));
        Assert.Contains(file, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 0b111_111_111, "everybody may write it")]
    [InlineData("below", 0b111_111_111, "everybody may write it")]
    public void Directory_that_others_may_write_is_refused_although_it_is_empty(string below, int mode, string reason)
    {
        string place = Directory.CreateDirectory(Path.Combine(_directory, below)).FullName;
        File.SetUnixFileMode(place, (UnixFileMode)mode);

        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Names(_directory));

        Assert.Contains(place.TrimEnd('/'), e.Message, StringComparison.Ordinal);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    [Trait("Needs", "Root")]
    public void Backend_beside_a_file_of_another_user_is_not_loaded()
    {
        var user = new DaemonUser();
        AssemblyFile.Write(Path.Combine(_directory, "ImageIO.Backends.Shared.dll"), "ImageIO.Core", Core);
        string dependency = Path.Combine(_directory, "Dependency.dll");
        File.WriteAllText(dependency, "");
        user.Own(dependency);

        ConfigurationException e = Assert.Throws<ConfigurationException>(() => Names(_directory));

        Assert.Contains($"{dependency}: it is neither root's nor the daemon's", e.Message, StringComparison.Ordinal);
    }

    private static string[] Names(string pluginDirectory)
    {
        using ServiceProvider services = new ServiceCollection()
            .AddLogging()
            .AddBackends(pluginDirectory, new ConfigurationReader([]))
            .AddSingleton<BackendRegistry>()
            .BuildServiceProvider();
        return [.. services.GetRequiredService<BackendRegistry>().Factories.Select(factory => factory.Name).Order(
            StringComparer.Ordinal)];
    }
}
