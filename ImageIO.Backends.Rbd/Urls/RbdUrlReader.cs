using System.Text;

namespace ImageIO.Backends.Rbd.Urls;

/// <summary>Reads a URL from left to right. Its messages repeat no text of the URL that may be a secret.</summary>
internal ref struct RbdUrlReader(string text)
{
    private const string Form = "the form is rbd:POOL/[NAMESPACE/]IMAGE[@SNAPSHOT][:OPTION=VALUE]...";
    private const int LongestOption = 64;

    private readonly string _text = text;
    private int _position;

    /// <summary>Reads all of it.</summary>
    /// <exception cref="FormatException">It has another form, or an option that is not allowed.</exception>
    public RbdUrl Read()
    {
        if (_text.StartsWith("//", StringComparison.Ordinal))
        {
            throw new FormatException($"rbd://FSID/... is Glance's form of a location and is not supported; {Form}");
        }

        string pool = Next("/@:", out char end);
        Require(end == '/', "it names no pool");
        string image = Next("/@:", out end);
        string? space = null;
        if (end == '/')
        {
            (space, image) = (image, Next("/@:", out end));
            Require(end != '/', "it has too many slashes (a slash in a name is written \\/)");
        }

        Require(pool.Length > 0 && space is not "" && image.Length > 0, "pool, namespace and image must not be empty");
        string? snapshot = end == '@' ? Next(":", out end) : null;
        Require(snapshot is not "", "the snapshot behind @ must not be empty");
        var url = new RbdUrl { Pool = pool, Namespace = space ?? "", Image = image, Snapshot = snapshot };
        while (end == ':')
        {
            url = ReadOption(url, out end);
        }

        return url;
    }

    private RbdUrl ReadOption(RbdUrl url, out char end)
    {
        string name = Next("=:", out end);
        bool hasValue = end == '=';
        string value = hasValue ? Next(":", out end) : "";
        RbdUrl changed = name switch
        {
            "id" when url.Id is null => url with { Id = value },
            "conf" when url.Conf is null => url with { Conf = value },
            "from_snap" when url.FromSnapshot is null => url with { FromSnapshot = value },
            "id" or "conf" or "from_snap" => throw new FormatException($"the option '{name}' is given twice"),
            _ => throw new FormatException(
                $"{Describe(name)} is not allowed in a URL, only id, conf and from_snap are: URLs are logged, so put "
                    + $"keys and "
                + "addresses into the host's files (ceph.conf, a keyring)"),
        };
        Require(hasValue && value.Length > 0, $"the option '{name}' has no value");
        return changed;
    }

    // A name that looks like none may be a value, and a secret.
    private static string Describe(string name) =>
        name.Length is > 0 and <= LongestOption
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '_' or ' ' or '-')
            ? $"the option '{name}'"
            : "an option";

    // The text up to the next of these characters that no backslash protects.
    private string Next(string ends, out char end)
    {
        var name = new StringBuilder();
        end = '\0';
        while (_position < _text.Length)
        {
            char c = _text[_position++];
            if (c == '\\')
            {
                Require(_position < _text.Length, "it ends in a backslash");
                c = _text[_position++];
            }
            else if (ends.Contains(c, StringComparison.Ordinal))
            {
                end = c;
                break;
            }

            name.Append(c);
        }

        string result = name.ToString();
        Require(!result.Contains(
            '\0', StringComparison.Ordinal) && IsText(result), "it has characters that no name in a cluster has");
        return result;
    }

    // A lone surrogate would become another character on its way, and name another image.
    private static bool IsText(string name) => !name.EnumerateRunes().Contains(Rune.ReplacementChar);

    private static void Require(bool condition, string wrong)
    {
        if (!condition)
        {
            throw new FormatException($"{wrong}; {Form}");
        }
    }
}
