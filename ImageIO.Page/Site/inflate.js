// One compressed cluster of a qcow2.

import { Failure } from './failure.js';

/** A decoder may give its output in pieces as small as this; most give 64 KiB. */
const SMALLEST_OUTPUT = 4096;

/**
 * Decompresses raw deflate data that is followed by anything: a cluster's compressed length is known in sectors only.
 * @param {Uint8Array<ArrayBuffer>} compressed
 * @param {number} length that must come out
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function inflate(compressed, length) {
  const stream = new DecompressionStream('deflate-raw');
  const reader = stream.readable.getReader();
  // The decoder fails at what follows the data, and a failed stream drops what nobody has asked for yet. So ask first.
  const reads = Array.from({ length: Math.ceil(length / SMALLEST_OUTPUT) + 1 }, () => reader.read());
  const writer = stream.writable.getWriter();
  writer.write(compressed).catch(() => {});
  writer.close().catch(() => {});
  const bytes = new Uint8Array(length);
  let filled = 0;
  try {
    for (const read of reads) {
      const { done, value } = await read;
      if (done || filled + value.length > length) {
        break;
      }
      bytes.set(value, filled);
      filled += value.length;
      if (filled === length) {
        break;
      }
    }
  } catch {
    // Told by what is missing.
  }
  for (const read of reads) {
    read.catch(() => {});
  }
  reader.cancel().catch(() => {});
  if (filled !== length) {
    throw new Failure('image', 'A compressed cluster cannot be decompressed');
  }
  return bytes;
}
