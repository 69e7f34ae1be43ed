using System.Xml.Linq;

namespace ImageIO.Client.Engine;

/// <summary>A disk to create.</summary>
public sealed record NewDisk
{
    /// <summary>Its id. Null: Engine chooses one.</summary>
    public string? Id { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its description.</summary>
    public string Description { get; init; } = "";

    /// <summary>Name of its storage domain.</summary>
    public required string StorageDomain { get; init; }

    /// <summary>Bytes of the guest's disk.</summary>
    public required long VirtualSize { get; init; }

    /// <summary>Bytes to allocate at once, for thin qcow2. Null: Engine's default.</summary>
    public long? InitialSize { get; init; }

    /// <summary>Whether it is qcow2 and can be backed up incrementally. False: raw.</summary>
    public bool IsQcow2 { get; init; } = true;

    /// <summary>Whether space is allocated on demand.</summary>
    public bool IsSparse { get; init; } = true;

    /// <summary>Whether it holds an ISO image.</summary>
    public bool IsIso { get; init; }

    /// <summary>Whether a new disk reads as zeroes. Raw, preallocated ones may contain old data.</summary>
    public bool IsZero => IsQcow2 || IsSparse;

    internal XElement ToXml()
    {
        var disk = new XElement("disk");
        if (Id is not null)
        {
            disk.SetAttributeValue("id", Id);
        }

        if (IsQcow2)
        {
            disk.Add(new XElement("backup", "incremental"));
        }

        disk.Add(
            new XElement("content_type", IsIso ? "iso" : "data"),
            new XElement("description", Description),
            new XElement("format", IsQcow2 ? "cow" : "raw"));
        if (InitialSize is { } initial)
        {
            disk.Add(new XElement("initial_size", initial));
        }

        disk.Add(
            new XElement("name", Name),
            new XElement("provisioned_size", VirtualSize),
            new XElement("sparse", IsSparse ? "true" : "false"),
            new XElement("storage_domains", new XElement("storage_domain", new XElement("name", StorageDomain))));
        return disk;
    }
}
