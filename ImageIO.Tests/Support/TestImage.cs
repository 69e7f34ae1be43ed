using System.Security.Cryptography;

namespace ImageIO.Tests.Support;

/// <summary>An image file and the ticket for it.</summary>
internal sealed record TestImage(string Id, string Path)
{
    /// <summary>Where clients find it.</summary>
    public string Url => $"/images/{Id}";

    public byte[] Content => File.ReadAllBytes(Path);

    public static byte[] Random(int length) => RandomNumberGenerator.GetBytes(length);
}
