using System.Security.Cryptography;
using ImageIO.Client.Transport;
using ImageIO.Core.Ranges;

namespace ImageIO.Client.Copying;

internal sealed partial class Uploader
{
    // The rest of a body for a server that has already answered. The bytes are not sent.
    private static readonly byte[] Nothing = new byte[64 * 1024];

    // Sends a range, and again from the position of a failure. Returns the digests at the end of the range.
    private async Task<DigestRun?> SendDataAsync(
        ByteRange range, DigestRun? digests, CancellationToken cancellationToken)
    {
        long position = range.Start;
        while (position < range.End)
        {
            await using var window = new SendWindow(
                new ReadAhead(_source, new ByteRange(position, range.End), _worker.Buffers, cancellationToken),
                position, range.End);
            DigestRun? before = digests?.Copy();
            long begun = position;
            try
            {
                while (position < range.End)
                {
                    before = digests?.Copy();
                    begun = position;
                    position = await SendRunAsync(window, digests, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (ExchangeException e)
            {
                digests = before;
                position = begun;
                await _worker.RecoverAsync(e, cancellationToken).ConfigureAwait(false);
            }
        }

        return digests;
    }

    // Sends data up to the next zeroes, or zeroes up to the next data. Returns its end.
    private async Task<long> SendRunAsync(SendWindow window, DigestRun? digests, CancellationToken cancellationToken)
    {
        long start = window.Position;
        // Scanned within the window. Bytes behind it are scanned when they are sent.
        long seen = await window.LookAsync(_worker.Window, cancellationToken).ConfigureAwait(false);
        if (window.IsZero)
        {
            long end = await window.SkipZeroesAsync(seen, MostZeroes, digests, cancellationToken).ConfigureAwait(false);
            var zeroes = new ByteRange(start, end);
            if (_run.Options.IsDestinationZero && !_run.Options.KeepsHoles)
            {
                _run.Meter.AddTransferred(zeroes.Length);
            }
            else
            {
                await ZeroOnceAsync(zeroes, cancellationToken).ConfigureAwait(false);
            }

            return end;
        }

        bool goesOn = seen == window.LookedTo && seen < window.End && !SendsDigests(_run);
        long dataEnd = _worker.UnitEnd(start, goesOn ? window.End : seen);
        await PutAsync(window, new ByteRange(start, dataEnd), digests, cancellationToken).ConfigureAwait(false);
        return dataEnd;
    }

    private async Task ZeroOnceAsync(ByteRange range, CancellationToken cancellationToken)
    {
        ImageConnection connection = await _worker.ConnectionAsync(cancellationToken).ConfigureAwait(false);
        await (Features.CanZero
            ? connection.ZeroAsync(range, flush: !Features.CanFlush, cancellationToken)
            : connection.PutAsync(
                range, (stream, token) =>
                    WriteZeroesAsync(stream, range.Length, token), Features.CanFlush, null, cancellationToken))
            .ConfigureAwait(false);
        _run.Meter.AddTransferred(range.Length);
        await AnsweredAsync(range, isZero: true, cancellationToken).ConfigureAwait(false);
    }

    private async Task PutAsync(
        SendWindow window, ByteRange range, DigestRun? digests, CancellationToken cancellationToken)
    {
        ImageConnection connection = await _worker.ConnectionAsync(cancellationToken).ConfigureAwait(false);
        byte[]? digest = SendsDigests(_run) ? DigestOf(window, range.Length) : null;
        long sent = 0;
        try
        {
            await connection.PutAsync(
                range,
                async (stream, token) =>
                {
                    while (sent < range.Length)
                    {
                        if (connection.IsSendingOver)
                        {
                            await SendNothingAsync(stream, range.Length - sent, token).ConfigureAwait(false);
                            return;
                        }

                        ReadOnlyMemory<byte> bytes = await window.NextAsync(
                            (int)Math.Min(range.Length - sent, _run.Limiter.Slice), token).ConfigureAwait(false);
                        await _run.Limiter.WaitAsync(bytes.Length, token).ConfigureAwait(false);
                        digests?.Append(bytes.Span);
                        NoteZeroes(bytes.Span, range.Start + sent);
                        await stream.WriteAsync(bytes, token).ConfigureAwait(false);
                        sent += bytes.Length;
                        _run.Meter.AddSent(bytes.Length);
                        _run.Meter.AddTransferred(bytes.Length);
                        window.Sent(bytes.Length);
                    }
                },
                Features.CanFlush,
                digest,
                cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _run.Meter.AddTransferred(-sent);
            throw;
        }

        _worker.Succeeded();
        await AnsweredAsync(range, isZero: false, cancellationToken).ConfigureAwait(false);
    }

    // Zeroes were sent as data in a long request. Keep the next requests short enough to find them before.
    private void NoteZeroes(ReadOnlySpan<byte> bytes, long offset)
    {
        if (_worker.Unit > _worker.Window
            && (ZeroScan.RunLength(bytes, offset, out bool isZero) < bytes.Length || isZero))
        {
            _worker.KeepSmall();
        }
    }

    private static byte[] DigestOf(SendWindow window, long length)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ReadOnlyMemory<byte> bytes in window.Peek(length))
        {
            hash.AppendData(bytes.Span);
        }

        return hash.GetHashAndReset();
    }

    private static async Task SendNothingAsync(Stream stream, long length, CancellationToken cancellationToken)
    {
        for (; length > 0; length -= Nothing.Length)
        {
            await stream.WriteAsync(
                Nothing.AsMemory(0, (int)Math.Min(length, Nothing.Length)), cancellationToken).ConfigureAwait(false);
        }
    }
}
