using System.Security.Cryptography;
using ImageIO.Bench.Servers;

namespace ImageIO.Bench;

/// <summary>Cores, directories, and the files that are moved.</summary>
internal sealed class Place : IDisposable
{
    /// <summary>Bytes of the images, so that a run takes most of a second on a fast machine.</summary>
    public const long ImageSize = 512L << 20;

    /// <summary>Bytes for each of eight connections.</summary>
    public const long PartSize = ImageSize / 8;

    private Place(string memory, string disk)
    {
        Memory = memory;
        Disk = disk;
    }

    /// <summary>The server's core. Clients and this program have the other.</summary>
    public string ServerCore => "0";

    /// <summary>All cores.</summary>
    public string AllCores => $"0-{Math.Max(1, MachineFacts.Cores - 1)}";

    /// <summary>A directory in memory, which leaves out the cost of the disk.</summary>
    public string Memory { get; }

    /// <summary>A directory on a disk.</summary>
    public string Disk { get; }

    /// <summary>Random bytes for uploads.</summary>
    public string Source => Path.Combine(Memory, "source");

    /// <summary>The first eighth of them.</summary>
    public string SourcePart => Path.Combine(Memory, "source-part");

    /// <summary>An image in memory, full of data.</summary>
    public string Image => Path.Combine(Memory, "image");

    /// <summary>An image on the disk, full of data.</summary>
    public string DiskImage => Path.Combine(Disk, "image");

    /// <summary>PEM file of the servers' certificate.</summary>
    public string CertificateFile => Path.Combine(Disk, "cert.pem");

    /// <summary>PEM file of its key.</summary>
    public string KeyFile => Path.Combine(Disk, "key.pem");

    /// <summary>PEM file of its authority.</summary>
    public string AuthorityFile => Path.Combine(Disk, "ca.pem");

    /// <summary>Creates directories, certificate and images.</summary>
    public static async Task<Place> CreateAsync()
    {
        var place = new Place(
            Directory.CreateDirectory($"/dev/shm/imageio-bench-{Environment.ProcessId}").FullName,
            // A disk even if /tmp is memory.
            Directory.CreateDirectory(Path.Combine(
                Environment.GetEnvironmentVariable("TMPDIR")
                    ?? "/var/tmp", $"imageio-bench-{Environment.ProcessId}")).FullName);
        try
        {
            string[] names = ["DNS:localhost", "IP:127.0.0.1", "IP:::1", $"IP:{FarLink.ServerAddress}"];
            await Tool.RunAsync("build/make-pki.sh", [place.Disk, .. names]);
            byte[] random = new byte[PartSize];
            foreach (string file in new[] { place.Source, place.SourcePart, place.Image, place.DiskImage })
            {
                await using FileStream stream = File.Create(file);
                for (long written = 0; written < (file == place.SourcePart
                    ? PartSize : ImageSize); written += random.Length)
                {
                    RandomNumberGenerator.Fill(random);
                    await stream.WriteAsync(random);
                }

                stream.Flush(flushToDisk: true);
            }

            return place;
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Directory.Delete(Memory, recursive: true);
        Directory.Delete(Disk, recursive: true);
    }
}
