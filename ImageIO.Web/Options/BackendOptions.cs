using ImageIO.Core.Backends;
using ImageIO.Http.Hosting;

namespace ImageIO.Web.Options;

/// <summary>Sections <c>[backend_NAME]</c>: how operations move the bytes of one kind of storage.</summary>
public static class BackendOptions
{
    private const int SmallestBuffer = 4096;
    private const int LargestBuffer = 64 * 1024 * 1024;
    private const int DeepestQueue = 64;

    internal static RingSettings Read(ConfigurationReader reader, string backendName)
    {
        string section = $"backend_{backendName}";
        int bufferSize = reader.Integer(
            section, "buffer_size", RingSettings.DefaultBufferSize, SmallestBuffer, LargestBuffer);
        if (bufferSize % SmallestBuffer != 0)
        {
            throw reader.Wrong(section, "buffer_size", $"a multiple of {SmallestBuffer} bytes");
        }

        return new RingSettings(
            bufferSize, reader.Integer(section, "queue_depth", RingSettings.DefaultQueueDepth, 1, DeepestQueue));
    }
}
