using System.Runtime.InteropServices;
using ImageIO.Backends.Rbd.Native;

namespace ImageIO.Backends.Rbd.Images;

/// <summary>librbd's settings for an image. Those of the pool and the image override the connection's.</summary>
internal static class RbdConfig
{
    private const int Usual = 256;

    /// <summary>All settings. Blocks.</summary>
    /// <exception cref="RbdException">They could not be read.</exception>
    public static unsafe Dictionary<string, string> Of(RbdImageHandle image)
    {
        int count = Usual;
        while (true)
        {
            var options = new RbdConfigOption[count];
            fixed (RbdConfigOption* first = options)
            {
                int result = LibRbd.ListConfig(image, first, ref count);
                if (-result == Errno.ERANGE && count > options.Length)
                {
                    continue;
                }

                RbdException.ThrowIfError("rbd_config_image_list", result);
                var settings = new Dictionary<string, string>(count, StringComparer.Ordinal);
                for (int i = 0; i < count; i++)
                {
                    settings[Text(first[i].Name)] = Text(first[i].Value);
                }

                LibRbd.FreeConfig(first, count);
                return settings;
            }
        }
    }

    private static unsafe string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? "";
}
