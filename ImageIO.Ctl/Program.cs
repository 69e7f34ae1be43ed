using ImageIO.Control;

namespace ImageIO.Ctl;

/// <summary>The command <c>ovirt-imageioctl</c>.</summary>
internal static class Program
{
    private static int Main(string[] args) => new ControlCommands(Console.Out, Console.Error).Run(args);
}
