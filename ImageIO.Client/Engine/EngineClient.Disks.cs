using System.Xml.Linq;
using ImageIO.Core.Errors;

namespace ImageIO.Client.Engine;

public sealed partial class EngineClient
{
    /// <summary>Creates a disk and waits until it is usable.</summary>
    /// <param name="disk">The disk.</param>
    /// <param name="created">Called with its id as soon as it exists, so that the caller can remove it. Null: not
    /// called.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its id.</returns>
    public async Task<string> CreateDiskAsync(
        NewDisk disk, Action<string>? created, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(disk);
        string id = await CreateAsync("/disks", disk.ToXml(), "disk", cancellationToken).ConfigureAwait(false);
        created?.Invoke(id);
        await WaitForDiskAsync(id, cancellationToken).ConfigureAwait(false);
        return id;
    }

    /// <summary>A disk. Null: there is none.</summary>
    public async Task<EngineDisk?> GetDiskAsync(string id, CancellationToken cancellationToken)
    {
        XElement? disk = await CallAsync(
            HttpMethod.Get,
            $"/disks/{Uri.EscapeDataString(id)}", null, "asking for a disk", cancellationToken).ConfigureAwait(false);
        return disk is null
            ? null
            : new EngineDisk(
                id,
                disk.Element("status")?.Value ?? "",
                disk.Element("storage_domains")?.Element("storage_domain")?.Attribute("id")?.Value);
    }

    /// <summary>Waits until a disk is usable.</summary>
    public async Task WaitForDiskAsync(string id, CancellationToken cancellationToken)
    {
        long started = _options.Time.GetTimestamp();
        while (true)
        {
            EngineDisk disk = await GetDiskAsync(id, cancellationToken).ConfigureAwait(false)
                ?? throw new TransferException(TransferError.UpstreamFailed, $"Engine: disk {id} has gone");
            switch (disk.Status)
            {
                case "ok":
                    return;
                case "illegal":
                    throw new TransferException(TransferError.UpstreamFailed, $"Engine: disk {id} is illegal");
            }

            if (_options.Time.GetElapsedTime(started) > _options.DiskTimeout)
            {
                throw new TransferException(
                    TransferError.UpstreamFailed,
                    $"Engine: disk {id} is {disk.Status} after {_options.DiskTimeout.TotalSeconds:F0} s, expected ok");
            }

            await PollAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Removes a disk.</summary>
    public Task DeleteDiskAsync(string id, CancellationToken cancellationToken) =>
        CallAsync(HttpMethod.Delete, $"/disks/{Uri.EscapeDataString(id)}", null, "removing a disk", cancellationToken);

    /// <summary>The id of this host, if it is an Engine's host with access to a storage domain. Null: any host will
    /// do.</summary>
    /// <param name="storageDomain">Name of the domain.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<string?> FindThisHostAsync(string storageDomain, CancellationToken cancellationToken)
    {
        if (storageDomain.Length == 0)
        {
            return null;
        }

        string hardwareId;
        try
        {
            hardwareId = (await File.ReadAllTextAsync(_options.HardwareIdFile, cancellationToken).ConfigureAwait(false))
                .Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        XElement? centers = await CallAsync(
            HttpMethod.Get,
            $"/datacenters?case_sensitive=true&search={Uri.EscapeDataString($"storage.name={storageDomain}")}",
            null, "searching the data center", cancellationToken).ConfigureAwait(false);
        if (centers?.Element("data_center")?.Element("name")?.Value is not { } center)
        {
            return null;
        }

        string search = $"hw_id={hardwareId} and datacenter={center} and status=Up";
        XElement? hosts = await CallAsync(
            HttpMethod.Get,
            "/hosts?case_sensitive=true&search="
            + Uri.EscapeDataString(search).Replace("%20", "+", StringComparison.Ordinal),
            null, "searching this host", cancellationToken).ConfigureAwait(false);
        return hosts?.Element("host")?.Attribute("id")?.Value;
    }

    /// <summary>The name of a storage domain. Null: there is none.</summary>
    public async Task<string?> GetStorageDomainNameAsync(string id, CancellationToken cancellationToken)
    {
        XElement? domain = await CallAsync(
            HttpMethod.Get, $"/storagedomains/{Uri.EscapeDataString(id)}",
            null, "asking for a storage domain", cancellationToken).ConfigureAwait(false);
        return domain?.Element("name")?.Value;
    }
}
