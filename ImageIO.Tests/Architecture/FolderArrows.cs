using System.Reflection;
using System.Reflection.Emit;

namespace ImageIO.Tests.Architecture;

/// <summary>Which folders of an assembly use which others, as its compiled code says: signatures, and what bodies
/// name.</summary>
internal static class FolderArrows
{
    private const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
        | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> Codes = typeof(OpCodes).GetFields()
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    /// <summary>The arrows, each with an example.</summary>
    public static Dictionary<(string From, string To), string> Of(Assembly assembly)
    {
        var arrows = new Dictionary<(string, string), string>();
        foreach (Type type in assembly.GetTypes().Where(type => type.Namespace is not null))
        {
            foreach (Type used in UsedBy(type).SelectMany(WithParts).Where(used => used.Assembly == assembly))
            {
                if (used.Namespace is { } to && to != type.Namespace)
                {
                    arrows.TryAdd((type.Namespace!, to), $"{type.FullName} uses {used.FullName}");
                }
            }
        }

        return arrows;
    }

    /// <summary>Pairs of folders that reach each other.</summary>
    public static IEnumerable<(string One, string Other)> Cycles(Dictionary<(string From, string To), string> arrows)
    {
        string[] folders = [.. arrows.Keys.SelectMany(arrow => new[] { arrow.From, arrow.To }).Distinct()];
        return folders
            .SelectMany(one => folders.Select(other => (one, other)))
            .Where(pair => string.CompareOrdinal(pair.one, pair.other) < 0)
            .Where(pair => Reaches(arrows, pair.one, pair.other) && Reaches(arrows, pair.other, pair.one));
    }

    private static bool Reaches(Dictionary<(string From, string To), string> arrows, string from, string to)
    {
        var seen = new HashSet<string> { from };
        var left = new Queue<string>(seen);
        while (left.TryDequeue(out string? at))
        {
            foreach ((_, string next) in arrows.Keys.Where(arrow => arrow.From == at))
            {
                if (next == to)
                {
                    return true;
                }

                if (seen.Add(next))
                {
                    left.Enqueue(next);
                }
            }
        }

        return false;
    }

    private static IEnumerable<Type> UsedBy(Type type) =>
    [
        .. type.GetInterfaces(),
        .. type.BaseType is null ? Type.EmptyTypes : [type.BaseType],
        .. type.GetFields(All).Select(field => field.FieldType),
        .. type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)).SelectMany(UsedBy),
    ];

    private static IEnumerable<Type> UsedBy(MethodBase method) =>
    [
        .. method.GetParameters().Select(parameter => parameter.ParameterType),
        .. method is MethodInfo info ? [info.ReturnType] : Type.EmptyTypes,
        .. method.GetMethodBody() is { } body
            ? [.. body.LocalVariables.Select(local => local.LocalType), .. Named(method, body.GetILAsByteArray()!)]
            : Type.EmptyTypes,
    ];

    private static IEnumerable<Type> Named(MethodBase method, byte[] code)
    {
        Type[]? ofType = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        Type[]? ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (int at = 0; at < code.Length;)
        {
            short value = code[at++];
            OpCode operation = value == 0xfe ? Codes[(short)(0xfe00 | code[at++])] : Codes[value];
            if (operation.OperandType is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok
                or OperandType.InlineType)
            {
                MemberInfo? member = method.Module.ResolveMember(BitConverter.ToInt32(code, at), ofType, ofMethod);
                if ((member as Type ?? member?.DeclaringType) is { } named)
                {
                    yield return named;
                }
            }

            at += operation.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(code, at)),
                _ => 4,
            };
        }
    }

    private static IEnumerable<Type> WithParts(Type type) =>
        type.IsGenericType ? type.GetGenericArguments().SelectMany(WithParts).Append(type)
        : type.HasElementType ? WithParts(type.GetElementType()!)
        : [type];
}
