using System.Text;

namespace ImageIO.Tests.Page;

/// <summary>
/// The format that the page recognizes in a file by its magic numbers (web.md section 2, second point).
/// </summary>
[Collection(PageFixture.Collection)]
[Trait("Needs", "Chromium")]
public sealed class PageFormatTests(PageFixture fixture)
{
    [SkippableFact(Timeout = 30_000)]
    public async Task Each_magic_number_is_known()
    {
        (string Name, byte[] Content, string Kind, string Label)[] files =
        [
            ("a", At(510, 0x55, 0xaa), "raw", "raw disk image with an MBR"),
            ("a", [.. At(510, 0x55, 0xaa), .. "EFI PART"u8, .. new byte[504]], "raw", "raw disk image with a GPT"),
            ("a", [.. new byte[4096], .. "EFI PART"u8, .. new byte[504]], "raw", "raw disk image with a GPT"),
            ("a", new byte[100], "raw", "raw data"),
            ("a", [], "raw", "raw data"),
            ("a", [.. "QFI"u8, 0xfb, 0, 0, 0, 1, .. new byte[600]], "container", "qcow (version 1)"),
            ("a", [.. "QFI"u8, 0xfb, 0, 0, 0, 2, .. new byte[600]], "qcow2", "qcow2 (version 2)"),
            ("a", [.. "QFI"u8, 0xfb, 0, 0, 0, 3, .. new byte[600]], "qcow2", "qcow2 (version 3)"),
            ("a", [.. "KDMV"u8, .. new byte[600]], "container", "VMDK (VMware)"),
            ("a", [.. "COWD"u8, .. new byte[600]], "container", "VMDK (VMware)"),
            ("a", [.. "# Disk DescriptorFile\nversion=1\n"u8], "container", "VMDK (VMware)"),
            ("a", [.. "conectix"u8, .. new byte[1000]], "container", "VHD (Hyper-V)"),
            ("a", [.. new byte[5000], .. "conectix"u8, .. new byte[504]], "container", "VHD (Hyper-V)"),
            ("a", [.. "vhdxfile"u8, .. new byte[600]], "container", "VHDX (Hyper-V)"),
            ("a", At(0x40, 0x7f, 0x10, 0xda, 0xbe), "container", "VDI (VirtualBox)"),
            ("a", [.. new byte[0x8001], .. "CD001"u8, .. new byte[2048]], "iso", "ISO image (CD or DVD)"),
            ("a.gz", [0x1f, 0x8b, 8, 0], "compressed", "gzip"),
            ("a.xz", [0xfd, .. "7zXZ"u8, 0, 0], "compressed", "xz"),
            ("a.zst", [0x28, 0xb5, 0x2f, 0xfd, 0], "compressed", "zstd"),
            ("a.bz2", [.. "BZh91AY&SY"u8], "compressed", "bzip2"),
            ("a.zip", [.. "PK"u8, 3, 4, 0], "compressed", "ZIP"),
            ("a.7z", [.. "7z"u8, 0xbc, 0xaf, 0x27, 0x1c], "compressed", "7-Zip"),
            ("a.lz4", [4, 0x22, 0x4d, 0x18, 0], "compressed", "LZ4"),
            ("appliance.ova", Tar("appliance.ovf"), "archive", "OVA (virtual appliance)"),
            ("a", Tar("x.ovf"), "archive", "OVA (virtual appliance)"),
            ("a.tar", Tar("disk.raw"), "archive", "tar"),
        ];
        await using PageVisit visit = await fixture.VisitAsync();

        string[] found = await visit.ImportAsync<string[]>(
            "image-format.js",
            """
            (module, files) => Promise.all(files.map(async ({ name, content }) => {
                const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
                const format = await module.identify(new File([bytes], name));
                return `${format.kind} ${format.name}`;
            }))
            """,
            files.Select(file => new { name = file.Name, content = Convert.ToBase64String(file.Content) }).ToArray());

        Assert.Equal(files.Select(file => $"{file.Kind} {file.Label}"), found);
    }

    // A sector that holds these bytes.
    private static byte[] At(int offset, params byte[] bytes)
    {
        byte[] sector = new byte[512];
        bytes.CopyTo(sector, offset);
        return sector;
    }

    private static byte[] Tar(string member)
    {
        byte[] header = new byte[1024];
        Encoding.ASCII.GetBytes(member).CopyTo(header, 0);
        "ustar"u8.CopyTo(header.AsSpan(257));
        return header;
    }
}
