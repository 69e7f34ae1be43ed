#:property PublishAot=false
#:property TreatWarningsAsErrors=true
// Usage: dotnet run CheckReferences.cs -- DIRECTORY
//
// SelfContained.targets leaves parts of ASP.NET Core out of the shared runtime. This looks at what every other assembly
// in the directory refers to, starting from our own, and fails when something is not there.
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

string directory = args[0];
var references = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase);
foreach (string file in Directory.EnumerateFiles(directory, "*.dll"))
{
    using var image = new PEReader(File.OpenRead(file));
    if (image.HasMetadata)
    {
        MetadataReader metadata = image.GetMetadataReader();
        references[Path.GetFileNameWithoutExtension(file)] =
            [.. metadata.AssemblyReferences.Select(
                handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }
}

string[] ours = [.. references.Keys.Where(name => name.StartsWith(
    "ImageIO.", StringComparison.Ordinal) || name.StartsWith("ovirt-", StringComparison.Ordinal))];
var reached = new HashSet<string>(ours, StringComparer.OrdinalIgnoreCase);
var next = new Queue<string>(ours);
int missing = ours.Length == 0 ? 1 : 0;
while (next.TryDequeue(out string? name))
{
    foreach (string reference in references[name])
    {
        if (!references.ContainsKey(reference))
        {
            Console.Error.WriteLine($"{name} refers to {reference}, which is not there");
            missing++;
        }
        else if (reached.Add(reference))
        {
            next.Enqueue(reference);
        }
    }
}

Console.WriteLine($"{reached.Count} of {references.Count} assemblies are referred to, {missing} are missing");
return missing == 0 ? 0 : 1;
