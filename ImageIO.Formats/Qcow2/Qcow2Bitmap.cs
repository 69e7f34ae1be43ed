namespace ImageIO.Formats.Qcow2;

/// <summary>A dirty bitmap that is stored in a qcow2 image.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Granularity">Bytes that one bit stands for.</param>
public sealed record Qcow2Bitmap(string Name, long Granularity);
