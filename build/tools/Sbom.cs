#:property PublishAot=false
#:property TreatWarningsAsErrors=true
// Usage: dotnet run Sbom.cs -- OUT VERSION [LIB]
//
// Writes OUT/sbom.cdx.json (CycloneDX 1.6) and OUT/THIRD-PARTY-NOTICES.txt, from the lock files of both programs and
// from what the packages say about themselves in the cache that the restore filled. With LIB, a directory with the
// published programs, only what is in there is listed, and the .NET runtime with it; it fails when something there is
// in no lock file. SOURCE_DATE_EPOCH gives the time in the list. Run it in the root of the sources.
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

string[] projects = ["ImageIO.Web", "ImageIO.Proxy"];
string[] programs = ["ovirt-imageio", "ovirt-imageioctl", "ovirt-imageio-proxy"];
string output = args[0];
string version = args[1];
string? library = args.Length > 2 ? args[2] : null;
string cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } set
    ? set
    : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

// Its package names only a page that redirects to this licence.
var knownLicenses = new Dictionary<string, string>(
    StringComparer.OrdinalIgnoreCase)
{ ["Mono.Posix.NETStandard"] = "MIT" };

var locked = new SortedDictionary<string, (string Version, string Hash)>(StringComparer.OrdinalIgnoreCase);
foreach (string project in projects)
{
    JsonNode targets = JsonNode.Parse(File.ReadAllText(Path.Combine(project, "packages.lock.json")))!["dependencies"]!;
    foreach ((string id, JsonNode? entry) in targets.AsObject().SelectMany(target => target.Value!.AsObject()))
    {
        if (entry!["resolved"] is JsonNode resolved)
        {
            locked[id] = ((string)resolved!, (string?)entry["contentHash"] ?? "");
        }
    }
}

IEnumerable<string> shipped = library is null ? locked.Keys.Where(IsNoAnalyzer) : Deployed(library);
var components = new JsonArray();
var printed = new Dictionary<string, string>(StringComparer.Ordinal);
var notices = new StringBuilder();
notices.Append("ImageIO is licensed under the Apache License 2.0. It is delivered or built with what follows.\n");
foreach (string name in shipped.Order(StringComparer.OrdinalIgnoreCase))
{
    string id = name.Split('/')[0];
    string resolved = locked.TryGetValue(
        id, out (string Version, string Hash) entry) ? entry.Version : name.Split('/')[1];
    string home = Path.Combine(cache, id.ToLowerInvariant(), resolved);
    XElement about = XDocument.Load(Path.Combine(home, id.ToLowerInvariant() + ".nuspec")).Root!.Elements().First();
    string license = License(id, about);
    components.Add(Component(id, resolved, license, Value(about, "copyright"), entry.Hash ?? ""));
    AppendNotice(id, resolved, license, about, home);
}

Directory.CreateDirectory(output);
string epoch = Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH") ?? "0";
var document = new JsonObject
{
    ["bomFormat"] = "CycloneDX",
    ["specVersion"] = "1.6",
    ["version"] = 1,
    ["metadata"] = new JsonObject
    {
        ["timestamp"] = DateTimeOffset.FromUnixTimeSeconds(long.Parse(epoch, CultureInfo.InvariantCulture))
            .ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        ["component"] = new JsonObject
        {
            ["type"] = "application",
            ["bom-ref"] = $"imageio@{version}",
            ["name"] = "imageio",
            ["version"] = version,
            ["licenses"] = Licenses("Apache-2.0"),
        },
    },
    ["components"] = components,
};
var indented = new JsonSerializerOptions(JsonSerializerOptions.Default) { WriteIndented = true, NewLine = "\n" };
File.WriteAllText(Path.Combine(output, "sbom.cdx.json"), document.ToJsonString(indented) + "\n");
File.WriteAllText(Path.Combine(output, "THIRD-PARTY-NOTICES.txt"), notices.ToString());
Console.WriteLine($"{components.Count} components in {Path.Combine(output, "sbom.cdx.json")}");
return 0;

// Compilers' helpers check the sources and are not delivered.
static bool IsNoAnalyzer(string id) => !id.StartsWith("Microsoft.CodeAnalysis.", StringComparison.OrdinalIgnoreCase);

// The host's own list of the packages and runtimes that each program loads: packages by id, runtimes as ID/VERSION.
IEnumerable<string> Deployed(string directory)
{
    var found = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
    foreach (string program in programs)
    {
        JsonNode list = JsonNode.Parse(
            File.ReadAllText(Path.Combine(directory, program + ".deps.json")))!["libraries"]!;
        foreach ((string name, JsonNode? about) in list.AsObject())
        {
            switch ((string?)about!["type"])
            {
                case "package" when locked.ContainsKey(name.Split('/')[0]):
                    found.Add(name.Split('/')[0]);
                    break;
                case "package":
                    throw new InvalidDataException($"{name} is delivered with {program}, but stands in no lock file");
                case "runtimepack":
                    found.Add(name["runtimepack.".Length..]);
                    break;
            }
        }
    }

    return found;
}

static string? Value(XElement about, string name) =>
    about.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value.Trim();

string License(string id, XElement about)
{
    XElement? stated = about.Elements().FirstOrDefault(element => element.Name.LocalName == "license");
    return (string?)stated?.Attribute("type") == "expression" ? stated!.Value
        : knownLicenses.TryGetValue(id, out string? known) ? known
        : throw new InvalidDataException($"{id} states no licence: look it up and add it to knownLicenses");
}

static JsonArray Licenses(string license) => [new JsonObject { ["license"] = new JsonObject { ["id"] = license } }];

static JsonObject Component(string id, string version, string license, string? copyright, string hash)
{
    string url = $"pkg:nuget/{id}@{version}";
    var component = new JsonObject
    {
        ["type"] = "library",
        ["bom-ref"] = url,
        ["name"] = id,
        ["version"] = version,
        ["licenses"] = Licenses(license),
        ["purl"] = url,
    };
    if (!string.IsNullOrEmpty(copyright))
    {
        component["copyright"] = copyright;
    }

    if (hash.Length > 0)
    {
        // NuGet's content hash: of the package without its signature.
        component["hashes"] = new JsonArray(new JsonObject
        {
            ["alg"] = "SHA-512",
            ["content"] = Convert.ToHexStringLower(Convert.FromBase64String(hash)),
        });
    }

    return component;
}

// The package's own texts where it has some, else its copyright line and the text that its licence names.
void AppendNotice(string id, string version, string license, XElement about, string home)
{
    notices.Append(CultureInfo.InvariantCulture, $"\n{new string('=', 100)}\n{id} {version}\nLicence: {license}\n");
    notices.Append(
        CultureInfo.InvariantCulture, $"{Value(about, "copyright") ?? "Copyright " + Value(about, "authors")}\n");
    string[] texts = ["license*", "third*party*notices*"];
    var options = new EnumerationOptions { MatchCasing = MatchCasing.CaseInsensitive };
    string[] files = [.. texts.SelectMany(
        pattern => Directory.GetFiles(home, pattern, options).Order(StringComparer.Ordinal))];
    if (!files.Any(file => Path.GetFileName(file).StartsWith("license", StringComparison.OrdinalIgnoreCase)))
    {
        // The Apache licence is ours, too, and lies beside this file in every artefact.
        notices.Append(license == "Apache-2.0"
            ? "The text of the Apache License 2.0 is in the file LICENSE beside this one.\n"
            : "\n" + File.ReadAllText(Path.Combine("packaging", "licenses", license + ".txt")));
    }

    foreach (string file in files)
    {
        string text = File.ReadAllText(file)
            .Replace("\r\n", "\n", StringComparison.Ordinal).TrimStart('\uFEFF').TrimEnd();
        // Packages of one family bear the same long text.
        if (printed.TryAdd(text, $"{id} {version}"))
        {
            notices.Append('\n').Append(text).Append('\n');
        }
        else
        {
            notices.Append(
                CultureInfo.InvariantCulture, $"\nIts {Path.GetFileName(file)} is that of {printed[text]} above.\n");
        }
    }
}
