namespace ImageIO.Http.Heads;

/// <summary>The fields of a head, in order.</summary>
internal sealed class HeadFields
{
    private const string LineEnd = "\r\n";

    private readonly List<KeyValuePair<string, string>> _fields = [];

    private HeadFields()
    {
    }

    /// <summary>Parses field lines.</summary>
    /// <param name="lines">The lines, separated by line ends.</param>
    /// <exception cref="FormatException">Two readers could understand a line differently.</exception>
    public static HeadFields Parse(ReadOnlySpan<char> lines)
    {
        var fields = new HeadFields();
        while (!lines.IsEmpty)
        {
            int end = lines.IndexOf(LineEnd, StringComparison.Ordinal);
            fields.Add(end < 0 ? lines : lines[..end]);
            lines = end < 0 ? default : lines[(end + LineEnd.Length)..];
        }

        return fields;
    }

    /// <summary>The value of the first field of this name. Null: there is none.</summary>
    public string? First(string name) => All(name).FirstOrDefault();

    /// <summary>The values of all fields of this name.</summary>
    public IEnumerable<string> All(string name) => _fields
        .Where(field => field.Key.Equals(name, StringComparison.OrdinalIgnoreCase))
        .Select(field => field.Value);

    /// <summary>Whether a field that is a list of words, like Connection, has this word.</summary>
    public bool HasWord(string name, string word) => All(name)
        .SelectMany(value => value.Split(','))
        .Any(part => part.Trim(' ', '\t').Equals(word, StringComparison.OrdinalIgnoreCase));

    // Refuses a folded line and a space before the colon (RFC 9112 sections 5.1 and 5.2), because readers differ on
    // both.
    private void Add(ReadOnlySpan<char> line)
    {
        int colon = line.IndexOf(':');
        if (colon < 0 || !HeadText.IsToken(line[..colon]))
        {
            throw new FormatException("a line of the head is no field");
        }

        ReadOnlySpan<char> value = line[(colon + 1)..].Trim(" \t");
        if (!HeadText.IsValue(value))
        {
            throw new FormatException("a field of the head has a control character");
        }

        _fields.Add(new(line[..colon].ToString(), value.ToString()));
    }
}
