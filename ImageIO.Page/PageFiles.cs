using System.Collections.Frozen;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace ImageIO.Page;

/// <summary>
/// The files that are embedded in this assembly. All but the first are served below a folder whose name is a hash of
/// all of them: their addresses change with their content, so browsers may keep them for ever, and modules that name
/// each other by relative paths always get what belongs together.
/// </summary>
internal sealed class PageFiles
{
    private const string Start = "index.html";

    // The placeholder in the first file for the folder of the others.
    private const string FolderMark = "{folder}";

    // The placeholder for the list of all scripts, which lets a browser fetch them at once.
    private const string ModulesMark = "{modules}";

    // Enough of SHA-256 to tell versions apart.
    private const int HashLength = 16;

    private PageFiles(string folder, PageFile index, FrozenDictionary<string, PageFile> others)
    {
        Folder = folder;
        Index = index;
        Others = others;
    }

    /// <summary>Where the others are, from slash to slash.</summary>
    public string Folder { get; }

    /// <summary>The answer to <c>GET /</c>.</summary>
    public PageFile Index { get; }

    /// <summary>Scripts, style and icon, by name.</summary>
    public FrozenDictionary<string, PageFile> Others { get; }

    /// <summary>Reads them from the assembly.</summary>
    public static PageFiles Load()
    {
        Assembly assembly = typeof(PageFiles).Assembly;
        string[] names = [.. assembly.GetManifestResourceNames().Order(StringComparer.Ordinal)];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var files = new List<PageFile>(names.Length);
        foreach (string name in names)
        {
            var file = new PageFile(name, Read(assembly, name));
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            hash.AppendData(file.Content);
            files.Add(file);
        }

        string folder = $"/page/{Convert.ToHexStringLower(hash.GetHashAndReset())[..HashLength]}/";
        IEnumerable<string> modules = names.Where(name => name.EndsWith(".js", StringComparison.Ordinal))
            .Select(name => $"<link rel=\"modulepreload\" href=\"{FolderMark}{name}\">");
        string index = Encoding.UTF8.GetString(files.Single(file => file.Name == Start).Content)
            .Replace(ModulesMark, string.Join('\n', modules), StringComparison.Ordinal)
            .Replace(FolderMark, folder, StringComparison.Ordinal);
        return new PageFiles(
            folder,
            new PageFile(Start, Encoding.UTF8.GetBytes(index)),
            files.Where(file => file.Name != Start).ToFrozenDictionary(file => file.Name, StringComparer.Ordinal));
    }

    private static byte[] Read(Assembly assembly, string name)
    {
        using Stream stream = assembly.GetManifestResourceStream(name)!;
        byte[] content = new byte[stream.Length];
        stream.ReadExactly(content);
        return content;
    }
}
