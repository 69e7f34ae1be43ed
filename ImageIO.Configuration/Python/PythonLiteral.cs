using System.Globalization;
using System.Text;

namespace ImageIO.Configuration.Python;

/// <summary>
/// Parses the values that the reference evaluates as Python: strings in either quote, numbers, True, False, None,
/// dotted names, tuples, lists, dictionaries, and products of numbers.
/// </summary>
public sealed class PythonLiteral
{
    private const int DeepestNesting = 32;

    private readonly string _text;
    private int _position;
    private int _depth;

    private PythonLiteral(string text) => _text = text;

    /// <summary>Parses a value.</summary>
    /// <returns>
    /// A string, long, double, bool, <see cref="PythonName"/>, null for None, an array of these for a tuple or list, or
    /// a dictionary by string.
    /// </returns>
    /// <exception cref="FormatException">It is none of these.</exception>
    public static object? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var literal = new PythonLiteral(text);
        object? value = literal.Product();
        literal.SkipBlanks();
        return literal._position == text.Length ? value : throw literal.Unexpected();
    }

    private object? Product()
    {
        object? value = Value();
        while (Take('*'))
        {
            value = (value, Value()) is (long left, long right)
                ? checked(left * right)
                : throw new FormatException("only integers can be multiplied");
        }

        return value;
    }

    private object? Value()
    {
        SkipBlanks();
        if (_position == _text.Length)
        {
            throw new FormatException("it ends too early");
        }

        if (++_depth > DeepestNesting)
        {
            throw new FormatException("it is nested too deep");
        }

        char first = _text[_position];
        object? value = first switch
        {
            '(' => Sequence(')'),
            '[' => Sequence(']'),
            '{' => Dictionary(),
            '"' or '\'' => Strings(),
            '+' or '-' or '.' => Number(),
            _ when char.IsAsciiDigit(first) => Number(),
            _ when char.IsAsciiLetter(first) || first == '_' => Word(),
            _ => throw Unexpected(),
        };
        _depth--;
        return value;
    }

    // (x) is x, (x,) a tuple.
    private object? Sequence(char end)
    {
        _position++;
        var items = new List<object?>();
        bool isTuple = end == ']';
        while (!Take(end))
        {
            items.Add(Product());
            if (Take(','))
            {
                isTuple = true;
            }
            else if (!Take(end))
            {
                throw Unexpected();
            }
            else
            {
                return isTuple || items.Count != 1 ? items.ToArray() : items[0];
            }
        }

        return items.ToArray();
    }

    private Dictionary<string, object?> Dictionary()
    {
        _position++;
        var items = new Dictionary<string, object?>(StringComparer.Ordinal);
        while (!Take('}'))
        {
            string key = Value() as string ?? throw new FormatException("a key of the dictionary is no string");
            if (!Take(':'))
            {
                throw Unexpected();
            }

            items[key] = Product();
            if (!Take(',') && Peek() != '}')
            {
                throw Unexpected();
            }
        }

        return items;
    }

    // "a" 'b' is one string.
    private string Strings()
    {
        var text = new StringBuilder();
        while (Peek() is '"' or '\'')
        {
            QuotedText(text, isRaw: false);
        }

        return text.ToString();
    }

    private void QuotedText(StringBuilder text, bool isRaw)
    {
        string quote = _text[_position].ToString();
        if (_text.AsSpan(_position).StartsWith($"{quote}{quote}{quote}", StringComparison.Ordinal))
        {
            quote = $"{quote}{quote}{quote}";
        }

        _position += quote.Length;
        while (!_text.AsSpan(_position).StartsWith(quote, StringComparison.Ordinal))
        {
            if (_position == _text.Length)
            {
                throw new FormatException("a string has no end");
            }

            if (_text[_position] == '\\' && _position + 1 < _text.Length)
            {
                Escape(text, isRaw);
            }
            else
            {
                text.Append(_text[_position++]);
            }
        }

        _position += quote.Length;
    }

    private void Escape(StringBuilder text, bool isRaw)
    {
        char escaped = _text[_position + 1];
        _position += 2;
        if (isRaw)
        {
            text.Append('\\').Append(escaped);
            return;
        }

        switch (escaped)
        {
            case '\n':
                break;
            case 'n':
                text.Append('\n');
                break;
            case 't':
                text.Append('\t');
                break;
            case 'r':
                text.Append('\r');
                break;
            case '0':
                text.Append('\0');
                break;
            case '\\' or '\'' or '"':
                text.Append(escaped);
                break;
            case 'x' or 'u':
                text.Append((char)Hexadecimal(escaped == 'x' ? 2 : 4));
                break;
            default:
                // Python keeps an unknown escape as it is.
                text.Append('\\').Append(escaped);
                break;
        }
    }

    private int Hexadecimal(int digits)
    {
        int value = 0;
        if (_position + digits > _text.Length
            || !int.TryParse(_text.AsSpan(
                _position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value))
        {
            throw new FormatException("a backslash is not followed by the digits that it announces");
        }

        _position += digits;
        return value;
    }

    private object Number()
    {
        int start = _position;
        while (_position < _text.Length
            && (char.IsAsciiLetterOrDigit(_text[_position]) || _text[_position] is '.' or '_'
            || (_text[_position] is '+' or '-' && (_position == start || _text[_position - 1] is 'e' or 'E'))))
        {
            _position++;
        }

        string number = _text[start.._position];
        if (PythonNumber.Integer(number) is { } integer)
        {
            return integer <= long.MaxValue && integer >= long.MinValue
                ? (long)integer
                : throw new FormatException($"{number} is too large");
        }

        return PythonNumber.Float(number) ?? throw new FormatException($"{number} is no number");
    }

    private object? Word()
    {
        int start = _position;
        while (_position < _text.Length
            && (char.IsAsciiLetterOrDigit(_text[_position]) || _text[_position] is '_' or '.'))
        {
            _position++;
        }

        string word = _text[start.._position];
        if (_position < _text.Length && _text[_position] is '"' or '\'' && word is "r" or "R" or "u" or "U")
        {
            var text = new StringBuilder();
            QuotedText(text, isRaw: word is "r" or "R");
            return text.ToString();
        }

        return word switch
        {
            "True" => true,
            "False" => false,
            "None" => null,
            _ => new PythonName(word),
        };
    }

    private bool Take(char expected)
    {
        if (Peek() != expected)
        {
            return false;
        }

        _position++;
        return true;
    }

    private char Peek()
    {
        SkipBlanks();
        return _position < _text.Length ? _text[_position] : '\0';
    }

    private void SkipBlanks()
    {
        while (_position < _text.Length && char.IsWhiteSpace(_text[_position]))
        {
            _position++;
        }
    }

    private FormatException Unexpected() => new(
        _position < _text.Length ? $"'{_text[_position]}' at position {_position + 1} is "
            + $"unexpected" : "it ends too early");
}
