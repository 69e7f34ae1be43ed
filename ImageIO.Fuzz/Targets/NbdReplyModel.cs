using System.Buffers.Binary;
using ImageIO.Backends.Nbd.Negotiation;
using ImageIO.Core.Errors;

namespace ImageIO.Fuzz.Targets;

/// <summary>An independent reader of an NBD server's replies, which has all bytes at once.</summary>
internal sealed class NbdReplyModel
{
    /// <summary>Offset of the request with cookie 4, which reads 64 bytes.</summary>
    public const int FirstRead = 100;

    /// <summary>Offset of the request with cookie 5, which reads 300 bytes.</summary>
    public const int SecondRead = 4096;

    private const int Status = 6;

    private readonly byte[] _bytes;
    private readonly bool _structured;
    private readonly List<uint> _contexts;
    private readonly bool[] _isOver = new bool[Status + 1];
    private readonly uint[] _errors = new uint[Status + 1];
    private readonly bool[][] _covered = [new bool[64], new bool[300]];
    private readonly HashSet<uint> _missing;
    private int _position;

    public NbdReplyModel(byte[] bytes, bool structured, MetaContexts contexts)
    {
        _bytes = bytes;
        _structured = structured;
        _contexts = [.. new[] { contexts.Allocation, contexts.Depth, contexts.Dirty }.OfType<uint>()];
        _missing = [.. _contexts];
        while (TryReply())
        {
            // Up to the first bytes that end the connection.
        }
    }

    /// <summary>The outcome of each request, by cookie from 1 on. Null: success.</summary>
    public TransferError?[] Outcomes { get; } =
        [.. Enumerable.Repeat<TransferError?>(TransferError.StorageFailed, Status)];

    /// <summary>The data of the two reads.</summary>
    public byte[][] Read { get; } = [new byte[64], new byte[300]];

    private int Left => _bytes.Length - _position;

    private bool TryReply()
    {
        if (Left < 16)
        {
            return false;
        }

        uint magic = Number(0);
        return magic == 0x67446698 ? TrySimple() : magic == 0x668e33ef && _structured && Left >= 20 && TryChunk();
    }

    private bool TrySimple()
    {
        uint error = Number(4);
        if (!TryFind(Long(8), out int cookie) || (_structured && IsRead(cookie)))
        {
            return false;
        }

        _position += 16;
        _errors[cookie] = _errors[cookie] == 0 ? error : _errors[cookie];
        if (error == 0 && IsRead(cookie))
        {
            byte[] read = Read[cookie - 4];
            if (Left < read.Length)
            {
                return false;
            }

            _bytes.AsSpan(_position, read.Length).CopyTo(read);
            _position += read.Length;
        }

        return !(error == 0 && cookie == Status) && TryEnd(cookie);
    }

    private bool TryChunk()
    {
        bool isLast = ((Number(4) >> 16) & 1) != 0;
        uint type = Number(4) & 0xffff;
        uint length = Number(16);
        if (!TryFind(Long(8), out int cookie))
        {
            return false;
        }

        _position += 20;
        if (Left < length)
        {
            return false;
        }

        bool isRight = type switch
        {
            0 => length == 0 && isLast,
            1 => IsRead(cookie) && length > 8 && TryCover(cookie, length - 8, isHole: false),
            2 => IsRead(cookie) && length == 12 && TryCover(cookie, Number(8), isHole: true),
            5 => cookie == Status && IsStatus(length),
            >= 0x8000 => length is >= 6 and <= 6 + 4096 + 8 && IsError(cookie, length),
            _ => false,
        };
        _position += (int)length;
        return isRight && (!isLast || (IsWhole(cookie) && TryEnd(cookie)));
    }

    private bool TryCover(int cookie, uint length, bool isHole)
    {
        ulong offset = Long(0) - (ulong)(cookie == 4 ? FirstRead : SecondRead);
        byte[] read = Read[cookie - 4];
        if (length == 0 || offset > (ulong)read.Length || length > (ulong)read.Length - offset)
        {
            return false;
        }

        for (int i = 0; i < length; i++)
        {
            if (_covered[cookie - 4][(int)offset + i])
            {
                return false;
            }

            _covered[cookie - 4][(int)offset + i] = true;
            read[(int)offset + i] = isHole ? (byte)0 : _bytes[_position + 8 + i];
        }

        return true;
    }

    private bool IsStatus(uint length) => length >= 12
        && (length - 4) % 8 == 0
        && length <= 16 << 20
        && _missing.Remove(Number(0))
        && Enumerable.Range(0, ((int)length - 4) / 8).All(i => Number(4 + (8 * i)) > 0);

    private bool IsError(int cookie, uint length)
    {
        uint text = Number(4) >> 16;
        if (Number(0) == 0 || text > 4096 || text > length - 6)
        {
            return false;
        }

        _errors[cookie] = _errors[cookie] == 0 ? Number(0) : _errors[cookie];
        return true;
    }

    private bool IsWhole(int cookie) => _errors[cookie] != 0
        || (IsRead(cookie) ? _covered[cookie - 4].All(covered => covered) : cookie != Status || _missing.Count == 0);

    // False: the server has announced a stop.
    private bool TryEnd(int cookie)
    {
        _isOver[cookie] = true;
        Outcomes[cookie - 1] = _errors[cookie] switch
        {
            0 => null,
            28 => TransferError.StorageFull,
            _ => TransferError.StorageFailed,
        };
        return _errors[cookie] != 108;
    }

    private bool TryFind(ulong number, out int cookie)
    {
        int most = _contexts.Count > 0 ? Status : Status - 1;
        cookie = number is > 0 and <= Status ? (int)number : 0;
        return cookie > 0 && cookie <= most && !_isOver[cookie];
    }

    private static bool IsRead(int cookie) => cookie is 4 or 5;

    private uint Number(int at) => _position + at + 4 <= _bytes.Length
        ? BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(_position + at))
        : BinaryPrimitives.ReadUInt16BigEndian(_bytes.AsSpan(_position + at)) * 65536u;

    private ulong Long(int at) => BinaryPrimitives.ReadUInt64BigEndian(_bytes.AsSpan(_position + at));
}
