using ImageIO.Core.Backends;

namespace ImageIO.Web.Options;

/// <summary>Sections <c>[backend_NAME]</c>: how operations move the bytes of one kind of storage.</summary>
public static class BackendOptions
{
    private const int Granule = 4096;
    private const int LargestBuffer = 64 * 1024 * 1024;
    private const int DeepestQueue = 64;

    /// <summary>
    /// Reads them. <c>buffer_size</c> is the memory of one operation, cut into <c>queue_depth</c> buffers; with the
    /// reference it is the memory of one connection. Any number is accepted, as with the reference.
    /// </summary>
    internal static RingSettings Read(ConfigurationReader reader, string backendName)
    {
        string section = $"backend_{backendName}";
        int depth = reader.Integer(section, "queue_depth", RingSettings.DefaultQueueDepth, 1, DeepestQueue);
        int most = (int)Math.Min(int.MaxValue - Granule, (long)LargestBuffer * depth);
        int total = reader.ClampedInteger(
            section,
            "buffer_size", RingSettings.DefaultBufferSize * RingSettings.DefaultQueueDepth, Granule * depth, most);
        int each = (total / depth) + Granule - 1;
        each -= each % Granule;
        if (each * (long)depth != total)
        {
            reader.Warn(section, "buffer_size", $"{depth} buffers of {each} bytes are used; set a multiple of "
                + $"{depth * Granule}");
        }

        return new RingSettings(Math.Min(each, LargestBuffer), depth);
    }
}
