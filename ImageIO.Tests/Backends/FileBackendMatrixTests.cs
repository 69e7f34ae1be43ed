using ImageIO.Backends.File;
using ImageIO.Backends.Testing;
using ImageIO.Core.Backends;
using ImageIO.Tests.Support.Storage;

namespace ImageIO.Tests.Backends;

/// <summary>The contract of backends on regular files, on every file system of the storage matrix.</summary>
public static class FileBackendMatrixTests
{
    public sealed class Ext4() : MountedFileSystem("ext4");

    public sealed class Ext4OnLargeSectors() : MountedFileSystem("ext4", sectorSize: 4096);

    public sealed class Xfs() : MountedFileSystem("xfs");

    public sealed class XfsOnLargeSectors() : MountedFileSystem("xfs", sectorSize: 4096);

    public sealed class Btrfs() : MountedFileSystem("btrfs");

    public sealed class Tmpfs() : MountedFileSystem("tmpfs");

    public sealed class OnExt4(Ext4 fileSystem) : Row(fileSystem), IClassFixture<Ext4>;

    public sealed class OnExt4WithLargeSectors(Ext4OnLargeSectors fileSystem)
        : Row(fileSystem), IClassFixture<Ext4OnLargeSectors>;

    public sealed class OnXfs(Xfs fileSystem) : Row(fileSystem), IClassFixture<Xfs>;

    public sealed class OnXfsWithLargeSectors(XfsOnLargeSectors fileSystem)
        : Row(fileSystem), IClassFixture<XfsOnLargeSectors>;

    public sealed class OnBtrfs(Btrfs fileSystem) : Row(fileSystem), IClassFixture<Btrfs>;

    public sealed class OnTmpfs(Tmpfs fileSystem) : Row(fileSystem), IClassFixture<Tmpfs>;

    [Trait("Needs", "Root")]
    public abstract class Row(MountedFileSystem fileSystem) : BackendContractTests
    {
        private readonly List<string> _files = [];

        protected override ImageUrl? MissingImage => ImageUrl.Parse($"file://{fileSystem.Directory}/missing");

        protected override IBackendFactory CreateFactory() => new FileBackendFactory();

        protected override ValueTask<ImageUrl> CreateImageAsync(long size)
        {
            string path = fileSystem.CreateFile(size);
            _files.Add(path);
            return ValueTask.FromResult(ImageUrl.Parse($"file://{path}"));
        }

        public override async Task DisposeAsync()
        {
            await base.DisposeAsync();
            _files.ForEach(File.Delete);
        }
    }
}
