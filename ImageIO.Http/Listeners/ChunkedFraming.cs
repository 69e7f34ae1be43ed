using System.Buffers;

namespace ImageIO.Http.Listeners;

/// <summary>
/// Finds the end of a chunked body (RFC 9112 section 7.1) in the bytes that the server has consumed. The server has
/// judged them, so this reader only counts.
/// </summary>
internal sealed class ChunkedFraming
{
    private const int LineEnd = 2;

    private Part _part = Part.End;

    // Size of the chunk whose first line is being read.
    private long _size;

    // Remaining bytes of the current chunk and its line end.
    private long _dataLeft;

    // Characters of the current trailer line.
    private int _trailerLength;

    /// <summary>Whether the whole body was counted.</summary>
    public bool IsAtEnd => _part == Part.End;

    /// <summary>Begins a body.</summary>
    public void Begin() => (_part, _size, _dataLeft, _trailerLength) = (Part.Size, 0, 0, 0);

    /// <summary>Counts bytes of the body.</summary>
    public void Pass(ReadOnlySequence<byte> bytes)
    {
        var reader = new SequenceReader<byte>(bytes);
        while (!IsAtEnd && !reader.End)
        {
            if (_dataLeft > 0)
            {
                long passed = Math.Min(_dataLeft, reader.Remaining);
                reader.Advance(passed);
                _dataLeft -= passed;
            }
            else if (reader.TryRead(out byte character))
            {
                PassCharacter((char)character);
            }
        }
    }

    private void PassCharacter(char character)
    {
        if (_part == Part.Trailer)
        {
            PassTrailer(character);
        }
        else if (character == '\n')
        {
            _dataLeft = _size > 0 ? _size + LineEnd : 0;
            (_part, _size) = (_size > 0 ? Part.Size : Part.Trailer, 0);
        }
        else if (_part == Part.Size && char.IsAsciiHexDigit(character))
        {
            _size = (_size << 4) + (character <= '9' ? character - '0' : (character & 0x0f) + 9);
        }
        else
        {
            _part = Part.Extension;
        }
    }

    private void PassTrailer(char character)
    {
        if (character == '\n')
        {
            _part = _trailerLength == 0 ? Part.End : Part.Trailer;
            _trailerLength = 0;
        }
        else if (character != '\r')
        {
            _trailerLength++;
        }
    }

    private enum Part
    {
        Size,
        Extension,
        Trailer,
        End,
    }
}
