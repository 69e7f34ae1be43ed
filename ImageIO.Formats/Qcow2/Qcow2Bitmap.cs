namespace ImageIO.Formats.Qcow2;

/// <summary>A dirty bitmap in a qcow2 image.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Granularity">Guest bytes per bit.</param>
public sealed record Qcow2Bitmap(string Name, long Granularity);
