using System.Globalization;
using System.Numerics;
using System.Text.Json;
using ImageIO.Core.Errors;

namespace ImageIO.Http.Messages;

/// <summary>
/// A JSON object from a client, read field by field. Types are strict: 1.0 and true are no integers, and null is a
/// wrong type. Unknown keys are ignored, so that bodies of newer clients are accepted.
/// </summary>
public sealed class JsonFields
{
    // Digits of the largest integer that is parsed, because parsing costs the square of the digits.
    private const int MostDigits = 1000;

    // More than any message of a future version has. Each field costs memory.
    private const int MostFields = 1000;

    // Unparsed values: a parsed document takes several times its size.
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _fields = new(StringComparer.Ordinal);

    private JsonFields(ReadOnlyMemory<byte> body, bool allowRepeats)
    {
        var reader = new Utf8JsonReader(body.Span);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            JsonValueKind kind = JsonElement.ParseValue(ref reader).ValueKind;
            reader.Read();
            throw Invalid($"The body must be a JSON object, it is {Describe(kind)}");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            if (!allowRepeats && _fields.ContainsKey(name))
            {
                throw Invalid("The body has two fields of one name");
            }

            // The last of equal names counts, as in the reference.
            _fields[name] = body[start..(int)reader.BytesConsumed];
            if (_fields.Count > MostFields)
            {
                throw Invalid($"The body has more than {MostFields} fields");
            }
        }

        // Fails if the body continues after the object.
        reader.Read();
    }

    /// <summary>The names of the fields, in no order. They are a client's words.</summary>
    public IEnumerable<string> Names => _fields.Keys;

    /// <summary>Parses a body.</summary>
    /// <param name="body">The body. It must not change while the result is used.</param>
    /// <param name="allowRepeats">Whether a name may occur twice.</param>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: it is no JSON
    /// object.</exception>
    public static JsonFields Parse(ReadOnlyMemory<byte> body, bool allowRepeats = true)
    {
        try
        {
            return new JsonFields(body, allowRepeats);
        }
        catch (JsonException e)
        {
            throw Invalid($"The body is not valid JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}");
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, which the parser accepts.
            throw Invalid("The body is not valid JSON: a key is not valid Unicode");
        }
    }

    /// <summary>A required string.</summary>
    public string RequiredString(string name) => OptionalString(name) ?? throw Missing(name);

    /// <summary>A string, or null.</summary>
    public string? OptionalString(string name)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        return value.ValueKind == JsonValueKind.String ? Text(name, value) : throw WrongType(name, value, "a string");
    }

    /// <summary>A required integer, from <paramref name="minimum"/> to 2^63 - 1.</summary>
    public long RequiredInteger(string name, long minimum) => OptionalInteger(name, minimum) ?? throw Missing(name);

    /// <summary>An integer from <paramref name="minimum"/> to 2^63 - 1, or null.</summary>
    public long? OptionalInteger(string name, long minimum) =>
        OptionalBigInteger(name, minimum) switch
        {
            null => null,
            { } value when value > long.MaxValue =>
                throw Invalid($"Invalid '{name}': {value} is above the largest value {long.MaxValue}"),
            { } value => (long)value,
        };

    /// <summary>A required integer of any size, at least <paramref name="minimum"/>.</summary>
    public BigInteger RequiredBigInteger(string name, long minimum) =>
        OptionalBigInteger(name, minimum) ?? throw Missing(name);

    /// <summary>A boolean, or null.</summary>
    public bool? OptionalBoolean(string name) =>
        Find(name) is not { } value
            ? null
            : value.ValueKind is JsonValueKind.True or JsonValueKind.False
                ? value.GetBoolean()
                : throw WrongType(name, value, "a boolean");

    /// <summary>A required list of strings.</summary>
    public IReadOnlyList<string> RequiredStrings(string name)
    {
        if (Find(name) is not { } value)
        {
            throw Missing(name);
        }

        if (value.ValueKind != JsonValueKind.Array
            || value.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
        {
            throw WrongType(name, value, "a list of strings");
        }

        return [.. value.EnumerateArray().Select(item => Text(name, item))];
    }

    /// <summary>An integer of any size, at least <paramref name="minimum"/>, or null.</summary>
    public BigInteger? OptionalBigInteger(string name, long minimum)
    {
        if (Find(name) is not { } value)
        {
            return null;
        }

        string text = value.GetRawText();
        if (value.ValueKind != JsonValueKind.Number || text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0)
        {
            throw WrongType(name, value, "an integer");
        }

        if (text.Length > MostDigits)
        {
            throw Invalid($"Invalid '{name}': an integer of {text.Length} digits");
        }

        var number = BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return number >= minimum ? number : throw Invalid($"Invalid '{name}': {number} is below the smallest value "
            + $"{minimum}");
    }

    private JsonElement? Find(string name)
    {
        if (!_fields.TryGetValue(name, out ReadOnlyMemory<byte> raw))
        {
            return null;
        }

        var reader = new Utf8JsonReader(raw.Span);
        return JsonElement.ParseValue(ref reader);
    }

    private static string Text(string name, JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Invalid($"Invalid '{name}': the string is not valid Unicode");
        }
    }

    private static TransferException Missing(string name) => Invalid($"Missing '{name}'");

    private static TransferException WrongType(string name, JsonElement value, string expected) =>
        Invalid($"Invalid '{name}': expected {expected}, got {Describe(value.ValueKind)}");

    // The kind only, because the value may be secret or long.
    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a boolean",
    };

    private static TransferException Invalid(string message) => new(TransferError.InvalidRequest, message);
}
