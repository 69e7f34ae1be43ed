using System.Buffers;
using System.Text;
using ImageIO.Core.Errors;

namespace ImageIO.Http.Heads;

/// <summary>Writes the head of a request. Refuses bytes that could end a line or a part of one.</summary>
internal sealed class HeadWriter
{
    private readonly ArrayBufferWriter<byte> _bytes = new(512);

    /// <summary>Starts with the request line.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: an invalid
    /// character.</exception>
    public HeadWriter(string method, string target)
    {
        if (!HeadText.IsToken(method) || !HeadText.IsTarget(target))
        {
            throw new TransferException(
                TransferError.InvalidRequest,
                "The request's target has a character that must be percent-encoded: a space, a control "
                    + "character, or one "
                + "that is not ASCII");
        }

        Append(method, " ", target, " HTTP/1.1\r\n");
    }

    /// <summary>Adds a field.</summary>
    /// <exception cref="TransferException"><see cref="TransferError.InvalidRequest"/>: an invalid
    /// character.</exception>
    public void Field(string name, string value)
    {
        if (!HeadText.IsToken(name) || !HeadText.IsValue(value))
        {
            throw new TransferException(TransferError.InvalidRequest, $"The header {name} has a control character");
        }

        Append(name, ": ", value, "\r\n");
    }

    /// <summary>Ends the head with the empty line.</summary>
    /// <returns>The whole head.</returns>
    public ReadOnlyMemory<byte> End()
    {
        Append("\r\n");
        return _bytes.WrittenMemory;
    }

    // Byte for byte, as the server decodes the client's fields.
    private void Append(params ReadOnlySpan<string> parts)
    {
        foreach (string part in parts)
        {
            Encoding.Latin1.GetBytes(part, _bytes);
        }
    }
}
