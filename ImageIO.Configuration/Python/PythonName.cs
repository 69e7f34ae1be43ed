namespace ImageIO.Configuration.Python;

/// <summary>A name in a Python expression, like <c>sys.stdout</c>. The caller decides its meaning.</summary>
/// <param name="Text">The name with its dots.</param>
public sealed record PythonName(string Text);
