using ImageIO.Configuration.Python;

namespace ImageIO.Http.Hosting.Logs;

/// <summary>Arguments of a Python call, bound to parameters by Python's rules.</summary>
internal sealed class PythonArguments
{
    private readonly string _callee;
    private readonly Dictionary<string, object?> _bound = new(StringComparer.Ordinal);

    /// <param name="callee">Name of the function, for messages.</param>
    /// <param name="parameters">The names of its parameters, in order.</param>
    /// <param name="args">Positional arguments.</param>
    /// <param name="kwargs">Named arguments.</param>
    /// <exception cref="FormatException">They do not fit.</exception>
    public PythonArguments(
        string callee,
        IReadOnlyList<string> parameters, IReadOnlyList<object?> args, IReadOnlyDictionary<string, object?> kwargs)
    {
        _callee = callee;
        if (args.Count > parameters.Count)
        {
            throw new FormatException($"{callee} takes {parameters.Count} arguments: {string.Join(", ", parameters)}");
        }

        for (int i = 0; i < args.Count; i++)
        {
            _bound[parameters[i]] = args[i];
        }

        foreach ((string name, object? value) in kwargs)
        {
            if (!parameters.Contains(name, StringComparer.Ordinal))
            {
                throw new FormatException($"{callee} has no argument {name}; it has {string.Join(", ", parameters)}");
            }

            if (!_bound.TryAdd(name, value))
            {
                throw new FormatException($"{callee} gets its argument {name} twice");
            }
        }
    }

    public object? this[string name] => _bound.GetValueOrDefault(name);

    public bool Has(string name) => _bound.ContainsKey(name);

    public string Text(string name) =>
        _bound.GetValueOrDefault(name) as string ?? throw new FormatException($"{name} of {_callee} must be a string");

    public string Text(string name, string ifMissing) =>
        _bound.GetValueOrDefault(name) is null ? ifMissing : Text(name);

    public long Integer(string name, long ifMissing) => _bound.GetValueOrDefault(name) switch
    {
        null => ifMissing,
        long value => value,
        bool value => value ? 1 : 0,
        double value when double.IsInteger(value) => (long)value,
        _ => throw new FormatException($"{name} of {_callee} must be an integer"),
    };

    // Every Python value is true or false.
    public bool Boolean(string name) => _bound.GetValueOrDefault(name) switch
    {
        null => false,
        bool value => value,
        long value => value != 0,
        string value => value.Length > 0,
        PythonName => true,
        _ => true,
    };
}
