using System.Globalization;
using System.Text;
using ImageIO.Core.Backends;
using ImageIO.Core.Errors;

namespace ImageIO.Formats.Ova;

/// <summary>Finds the files in a tar archive, such as an OVA. Files are read in place and not unpacked.</summary>
/// <remarks>
/// Supports headers of ustar, GNU tar (long names and sizes) and pax. The framework's reader does not tell where a file
/// starts.
/// </remarks>
public static class TarArchive
{
    private const int Record = 512;

    // More than any tool writes for the name or attributes of one file.
    private const int LargestExtension = 1024 * 1024;
    private const int MostMembers = 100_000;

    /// <summary>Whether the bytes start like a tar archive: a header with a correct checksum.</summary>
    public static bool IsTar(ReadOnlySpan<byte> start) => start.Length >= Record && HasRightChecksum(start[..Record]);

    /// <summary>The regular files of an archive, in order.</summary>
    /// <param name="archive">The archive. It stays open.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: no archive, or a damaged
    /// one.</exception>
    public static async ValueTask<IReadOnlyList<TarMember>> ReadAsync(
        IBackend archive, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(archive);
        using var access = new UnalignedAccess(archive);
        var members = new List<TarMember>();
        var extended = new TarExtension();
        byte[] header = new byte[Record];
        for (long position = 0; position <= archive.Size - Record;)
        {
            await access.ReadAsync(header, position, cancellationToken).ConfigureAwait(false);
            if (!header.AsSpan().ContainsAnyExcept((byte)0))
            {
                break;
            }

            if (!HasRightChecksum(header))
            {
                throw FormatError.Corrupt($"tar: the header at {position} is damaged, or this is no tar archive");
            }

            char type = (char)header[156];
            long size = Number(header.AsSpan(124, 12), position);
            // A pax header's size is that of the following file, not of another header.
            size = type is 'L' or 'K' or 'x' or 'g' ? size : extended.Size ?? size;
            long start = position + Record;
            if (size > archive.Size - start)
            {
                throw FormatError.Corrupt(
                    $"tar: the member at {position} has {size} bytes, but the archive ends before them");
            }

            if (type is 'L' or 'x')
            {
                byte[] data = new byte[size <= LargestExtension
                    ? size : throw FormatError.Corrupt($"tar: an extension of {size} bytes")];
                await access.ReadAsync(data, start, cancellationToken).ConfigureAwait(false);
                extended.Read(type, data);
            }
            else if (type is not ('g' or 'K'))
            {
                if (type is '0' or '\0' or '7')
                {
                    members.Add(new TarMember(extended.Name ?? NameOf(header), start, size));
                }

                extended = new TarExtension();
            }

            if (members.Count > MostMembers)
            {
                throw FormatError.Corrupt($"tar: more than {MostMembers} members");
            }

            position = start + ((size + Record - 1) & -Record);
        }

        return members;
    }

    /// <summary>The only file with a name, which may be the last part of its path.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.ImageUnavailable"/>: there is none, or there are
    /// several.</exception>
    public static TarMember Find(IReadOnlyList<TarMember> members, string name)
    {
        ArgumentNullException.ThrowIfNull(members);
        TarMember[] found = [.. members.Where(member => member.Name == name)];
        found = found.Length > 0 ? found : [.. members.Where(member => member.Name.Split('/')[^1] == name)];
        return found.Length == 1
            ? found[0]
            : throw new TransferException(
                TransferError.ImageUnavailable,
                $"The archive has {(found.Length == 0 ? "no" : "several")} members '{name}', it has: "
                + string.Join(", ", members.Take(20).Select(member => member.Name)));
    }

    private static string NameOf(ReadOnlySpan<byte> header)
    {
        string name = Text(header[..100]);
        string prefix = header.Slice(257, 5).SequenceEqual("ustar"u8)
            && header[262] == 0 ? Text(header.Slice(345, 155)) : "";
        return prefix.Length > 0 ? $"{prefix}/{name}" : name;
    }

    private static string Text(ReadOnlySpan<byte> field)
    {
        int end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }

    // Octal digits, or GNU tar's binary number after a byte of 0x80.
    private static long Number(ReadOnlySpan<byte> field, long position)
    {
        if (field[0] == 0x80)
        {
            long value = 0;
            foreach (byte b in field[1..])
            {
                value = value > long.MaxValue >> 8 ? throw FormatError
                    .Corrupt($"tar: the size at {position} is too large") : (value << 8) | b;
            }

            return value;
        }

        string digits = Encoding.ASCII.GetString(field).Trim('\0', ' ');
        try
        {
            return digits.Length == 0 ? 0 : Convert.ToInt64(digits, 8) is >= 0
                and var size ? size : throw new FormatException();
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            throw FormatError.Corrupt($"tar: the header at {position} has no size");
        }
    }

    // The sum of all bytes, with blanks in place of the checksum. Some old programs summed signed bytes.
    private static bool HasRightChecksum(ReadOnlySpan<byte> header)
    {
        string digits = Encoding.ASCII.GetString(header.Slice(148, 8)).Trim('\0', ' ');
        if (digits.Length is 0 or > 7 || digits.AsSpan().ContainsAnyExceptInRange('0', '7'))
        {
            return false;
        }

        int expected = Convert.ToInt32(digits, 8);
        int unsigned = 0, signed = 0;
        for (int i = 0; i < Record; i++)
        {
            byte b = i is >= 148 and < 156 ? (byte)' ' : header[i];
            unsigned += b;
            signed += (sbyte)b;
        }

        return expected == unsigned || expected == signed;
    }

    /// <summary>The headers that precede a file.</summary>
    private sealed class TarExtension
    {
        public string? Name { get; private set; }

        public long? Size { get; private set; }

        public void Read(char type, ReadOnlySpan<byte> data)
        {
            if (type == 'L')
            {
                Name = Text(data);
                return;
            }

            // pax: lines of "LENGTH KEY=VALUE\n", where the length includes itself.
            while (!data.IsEmpty)
            {
                int space = data.IndexOf((byte)' ');
                if (space < 1
                    || !int.TryParse(data[..space], NumberStyles.None, CultureInfo.InvariantCulture, out int length)
                    || length <= space + 1 || length > data.Length)
                {
                    throw FormatError.Corrupt("tar: a damaged pax header");
                }

                string line = Encoding.UTF8.GetString(data[(space + 1)..length]).TrimEnd('\n');
                int equals = line.IndexOf('=', StringComparison.Ordinal);
                if (equals > 0)
                {
                    Take(line[..equals], line[(equals + 1)..]);
                }

                data = data[length..];
            }
        }

        private void Take(string key, string value)
        {
            if (key == "path")
            {
                Name = value;
            }
            else if (key == "size")
            {
                Size = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long size)
                    ? size
                    : throw FormatError.Corrupt("tar: a pax header with a damaged size");
            }
        }
    }
}
