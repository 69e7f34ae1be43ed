namespace ImageIO.Tests.Endurance;

/// <summary>Kinds of storage that an image may be on.</summary>
internal enum ImageStorage
{
    File,
    Block,
    NbdRaw,
    NbdQcow2,
}
