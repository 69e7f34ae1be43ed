using System.Reflection;
using System.Text.RegularExpressions;
using ImageIO.Backends.Block;
using ImageIO.Backends.File;
using ImageIO.Backends.Nbd;
using ImageIO.Backends.Posix;
using ImageIO.Core.Backends;

namespace ImageIO.Tests.Architecture;

/// <summary>Arrows point down only: between assemblies, and between the rooms of Core.</summary>
public sealed partial class ArrowTests
{
    // The other rooms that each room of Core may use.
    private static readonly Dictionary<string, string[]> Rooms = new()
    {
        ["Ranges"] = [],
        ["Buffers"] = [],
        ["Errors"] = [],
        ["Diagnostics"] = [],
        ["Backends"] = ["Ranges", "Buffers", "Errors", "Diagnostics"],
        ["Tickets"] = ["Backends", "Ranges", "Buffers", "Errors", "Diagnostics"],
        ["Operations"] = ["Tickets", "Backends", "Ranges", "Buffers", "Errors", "Diagnostics"],
    };

    // Our assemblies, each with those that it may use.
    public static TheoryData<string, string[]> Assemblies => new()
    {
        { "ImageIO.Core", [] },
        { "ImageIO.Backends.Posix", ["ImageIO.Core"] },
        { "ImageIO.Backends.File", ["ImageIO.Core", "ImageIO.Backends.Posix"] },
        { "ImageIO.Backends.Block", ["ImageIO.Core", "ImageIO.Backends.Posix"] },
        { "ImageIO.Hashing", [] },
        { "ImageIO.Formats", ["ImageIO.Core"] },
        { "ImageIO.Backends.Nbd", ["ImageIO.Core"] },
        { "ImageIO.Backends.Rbd", ["ImageIO.Core"] },
        { "ImageIO.Configuration", [] },
        { "ImageIO.Control", ["ImageIO.Configuration"] },
        { "ovirt-imageioctl", ["ImageIO.Control"] },
        { "ImageIO.Transport", [] },
        { "ImageIO.Http", ["ImageIO.Core", "ImageIO.Configuration", "ImageIO.Transport"] },
        {
            "ImageIO.Client",
            [
                "ImageIO.Core", "ImageIO.Hashing", "ImageIO.Formats",
                "ImageIO.Backends.File", "ImageIO.Backends.Block", "ImageIO.Backends.Nbd",
            ]
        },
        {
            "imageio",
            ["ImageIO.Core", "ImageIO.Configuration", "ImageIO.Control", "ImageIO.Formats", "ImageIO.Client"]
        },
        { "ImageIO.Page", ["ImageIO.Core", "ImageIO.Http"] },
        { "ImageIO.Traces", ["ImageIO.Core"] },
        {
            "ovirt-imageio",
            [
                "ImageIO.Core", "ImageIO.Hashing", "ImageIO.Configuration", "ImageIO.Transport", "ImageIO.Http",
                "ImageIO.Page", "ImageIO.Traces",
            ]
        },
        {
            "ovirt-imageio-proxy",
            [
                "ImageIO.Core", "ImageIO.Configuration", "ImageIO.Transport", "ImageIO.Http", "ImageIO.Page",
                "ImageIO.Traces",
            ]
        },
    };

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void An_assembly_references_only_those_below_it(string assembly, string[] allowed)
    {
        IEnumerable<string> ours = References(assembly)
            .Where(name => name.StartsWith("ImageIO.", StringComparison.Ordinal)
                || name.StartsWith("ovirt-imageio", StringComparison.Ordinal));

        Assert.Empty(ours.Except(allowed));
    }

    // The compiler drops unused references, so one in Web means that its code names a backend.
    [Fact]
    public void The_daemon_names_no_backend() =>
        Assert.DoesNotContain(
            References("ovirt-imageio"), name => name.StartsWith("ImageIO.Backends.", StringComparison.Ordinal));

    [Fact]
    public void Core_knows_nothing_of_HTTP_sockets_or_configuration_files()
    {
        string[] foreign =
        [
            "Microsoft.AspNetCore", "System.Net", "Microsoft.Extensions.Configuration", "Microsoft.Extensions.Hosting",
            "Mono.",
        ];

        Assert.DoesNotContain(
            References("ImageIO.Core"), name => foreign.Any(start => name.StartsWith(start, StringComparison.Ordinal)));
    }

    [Fact]
    public void The_transport_knows_nothing_of_HTTP_tickets_or_configuration_files()
    {
        string[] foreign =
        [
            "ImageIO.", "Microsoft.AspNetCore.Http", "Microsoft.AspNetCore.Server",
            "Microsoft.Extensions.Configuration", "System.Net.Http",
        ];

        Assert.DoesNotContain(
            References("ImageIO.Transport"),
            name => foreign.Any(start => name.StartsWith(start, StringComparison.Ordinal)));
    }

    // A few types, so that what is behind them can change. A new one is listed here on purpose.
    [Fact]
    public void The_transport_shows_few_types() => Assert.Equal(
        [
            "Blocks.BlockPoolFactory",
            "Files.FileState", "Files.ReloadedFile`1",
            "Sockets.AsyncStream", "Sockets.ConnectionCapacity", "Sockets.ConnectionLimits", "Sockets.ConnectionSlots",
            "Sockets.DuplexPipe", "Sockets.EventLoops", "Sockets.Introduction", "Sockets.LendingWriter",
            "Sockets.LoopListener", "Sockets.UnixSocket",
            "Tls.CertificateAuthorities", "Tls.ClientTls", "Tls.OpenSslClientStream", "Tls.OpenSslHandshake",
            "Tls.ServerTls",
            "TransportException",
        ],
        Assembly.Load("ImageIO.Transport").GetExportedTypes()
            .Select(type => type.FullName!["ImageIO.Transport.".Length..])
            .Order(StringComparer.Ordinal));

    // Issue 16, 1.2.
    [Theory]
    [MemberData(nameof(Assemblies))]
    public void Folders_of_a_project_form_no_cycle(string assembly, string[] allowed)
    {
        _ = allowed;
        Dictionary<(string From, string To), string> arrows = FolderArrows.Of(Load(assembly));
        Assert.Empty(FolderArrows.Cycles(arrows));
    }

    [Fact]
    public void The_rooms_of_Core_use_only_those_below_them()
    {
        var wrong = new List<string>();
        foreach (string file in SourceTree.SourceFiles("ImageIO.Core"))
        {
            string[] path = SourceTree.Relative(file).Split('/');
            if (path.Length < 3)
            {
                continue;
            }

            Assert.True(
                Rooms.TryGetValue(path[1], out string[]? allowed),
                $"{path[1]} is a new room; say here what it may use");
            string code = File.ReadAllText(file);
            Assert.Contains($"namespace ImageIO.Core.{path[1]};", code, StringComparison.Ordinal);
            wrong.AddRange(CoreName().Matches(code)
                .Select(match => match.Groups["room"].Value)
                .Where(room => room != path[1] && !allowed.Contains(room))
                .Select(room => $"{SourceTree.Relative(file)} uses {room}"));
        }

        Assert.Empty(wrong);
    }

    // The same on what was compiled: a base, an interface, a member or a parameter of a public or internal type.
    [Fact]
    public void The_types_of_a_room_are_made_of_those_below_it()
    {
        var wrong = new List<string>();
        foreach (Type type in typeof(IBackend).Assembly.GetTypes().Where(type => RoomOf(type) is not null))
        {
            string room = RoomOf(type)!;
            wrong.AddRange(UsedBy(type)
                .Select(used => (used, RoomOf: RoomOf(used)))
                .Where(pair => pair.RoomOf is not null && pair.RoomOf != room && !Rooms[room].Contains(pair.RoomOf))
                .Select(pair => $"{type} uses {pair.used}"));
        }

        Assert.Empty(wrong.Distinct());
    }

    private static Assembly Load(string assembly)
    {
        // Backends are deployed beside the tests, and loaded by name like everything else.
        _ = (typeof(FileBackendFactory), typeof(BlockBackendFactory), typeof(NbdBackendFactory), typeof(DirectFile));
        return Assembly.Load(assembly);
    }

    private static HashSet<string> References(string assembly)
    {
        return [.. Load(assembly).GetReferencedAssemblies().Select(name => name.Name!)];
    }

    private static string? RoomOf(Type type) =>
        type.Namespace?.StartsWith("ImageIO.Core.", StringComparison.Ordinal) == true
            ? type.Namespace.Split('.')[2]
            : null;

    private static IEnumerable<Type> UsedBy(Type type)
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
            | BindingFlags.Static | BindingFlags.DeclaredOnly;
        IEnumerable<Type> used =
        [
            .. type.GetInterfaces(),
            .. type.BaseType is null ? Type.EmptyTypes : [type.BaseType],
            .. type.GetFields(All).Select(field => field.FieldType),
            .. type.GetMethods(All).SelectMany(
                method => method.GetParameters().Select(parameter => parameter.ParameterType)
                    .Append(method.ReturnType)),
            .. type.GetConstructors(All).SelectMany(
                constructor => constructor.GetParameters().Select(parameter => parameter.ParameterType)),
        ];
        return used.SelectMany(WithArguments);
    }

    private static IEnumerable<Type> WithArguments(Type type) =>
        type.IsGenericType ? type.GetGenericArguments().SelectMany(WithArguments).Append(type)
        : type.HasElementType ? WithArguments(type.GetElementType()!)
        : [type];

    [GeneratedRegex(@"\bImageIO\.Core\.(?<room>\w+)")]
    private static partial Regex CoreName();
}
