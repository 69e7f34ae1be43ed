// What an upload takes its bytes from.

import { Failure } from './failure.js';

/** Reading gives up after 90 s. Chromium loses sight of a stream at times, so that one is tried again soon. */
const STREAM = { patience: 5 * 1000, attempts: 18 };
/** Does not tell how far it is, and a slow drive takes some time for a piece. */
const WHOLE = { patience: 30 * 1000, attempts: 3 };

/** Whether this browser reads into given memory. */
const HAS_BYTE_STREAMS = (() => {
  try {
    void new Blob().stream().getReader({ mode: 'byob' }).cancel();
    return true;
  } catch {
    return false;
  }
})();

/**
 * @typedef {object} Source
 * @property {number} size bytes of the image that it holds
 * @property {number} dataSize bytes of it that must be read
 * @property {(start: number, end: number, memory: ArrayBuffer) => Promise<Uint8Array<ArrayBuffer> | null>} read into this
 *   memory, which it takes; the result has it again, or other of the same size. Null: all of it is zero
 * @property {(start: number, end: number, bytes: Uint8Array<ArrayBuffer>) => Blob} body of a request for these bytes,
 *   which were read from there
 * @property {() => Promise<void>} check fails when the file has changed since it was chosen
 */

/** A file whose bytes are the image's. @implements {Source} */
export class FileSource {
  /** @readonly */ #file;
  /** @readonly */ size;
  /** @readonly */ dataSize;

  /** @param {File} file */
  constructor(file) {
    this.#file = file;
    this.size = file.size;
    this.dataSize = file.size;
  }

  /** @param {number} start @param {number} end @param {ArrayBuffer} memory */
  read(start, end, memory) {
    return readInto(this.#file, start, end, memory);
  }

  /**
   * The file itself: browsers send that without a detour through the page, which costs a third less. It has been in memory
   * a moment ago, and the digest, which is of the bytes that were read, has the server refuse anything else.
   * @param {number} start @param {number} end
   */
  body(start, end) {
    return this.#file.slice(start, end);
  }

  /** Reading fails when the file is another than the one that was chosen. */
  async check() {
    await readFile(this.#file, 0, Math.min(1, this.size));
  }
}

/** @param {Blob} file @param {number} start @param {number} end @returns {Promise<Uint8Array<ArrayBuffer>>} */
export function readFile(file, start, end) {
  return persistently(WHOLE, () => whole(file.slice(start, end), end - start));
}

/**
 * Reads into memory that is there already: half the work of new memory for each piece, and none to be collected.
 * @param {Blob} file @param {number} start @param {number} end @param {ArrayBuffer} memory
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export function readInto(file, start, end, memory) {
  const size = memory.byteLength;
  const length = end - start;
  return persistently(HAS_BYTE_STREAMS ? STREAM : WHOLE, async (moved, signal) => {
    // A read that hangs keeps its memory.
    const target = memory.byteLength === size ? memory : new ArrayBuffer(size);
    if (HAS_BYTE_STREAMS) {
      return streamed(file.slice(start, end), target, moved, signal);
    }
    new Uint8Array(target).set(await whole(file.slice(start, end), length));
    return new Uint8Array(target, 0, length);
  });
}

/**
 * Reads again while nothing moves, and gives up at last.
 * @param {{patience: number, attempts: number}} limits milliseconds without a byte
 * @param {(moved: () => void, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>} read
 */
async function persistently({ patience, attempts }, read) {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const end = new AbortController();
    let timer = 0;
    /** @type {() => void} */
    let moved = () => {};
    const still = new Promise((resolve) => {
      moved = () => {
        clearTimeout(timer);
        timer = setTimeout(() => resolve(null), patience);
      };
    });
    moved();
    try {
      const bytes = await Promise.race([read(moved, end.signal), /** @type {Promise<null>} */ (still)]);
      if (bytes !== null) {
        return bytes;
      }
    } catch (error) {
      throw error instanceof Failure ? error : new Failure('file', String(error));
    } finally {
      clearTimeout(timer);
      end.abort();
    }
  }
  throw new Failure('unread');
}

/** @param {Blob} blob @param {number} length */
async function whole(blob, length) {
  const buffer = await blob.arrayBuffer();
  if (buffer.byteLength !== length) {
    throw new Failure('file', 'It has become shorter');
  }
  return new Uint8Array(buffer);
}

/** @param {Blob} blob @param {ArrayBuffer} memory @param {() => void} moved @param {AbortSignal} signal */
async function streamed(blob, memory, moved, signal) {
  const reader = blob.stream().getReader({ mode: 'byob' });
  // One that is not read to its end stays open otherwise. Hundreds of them slow Chromium down until it reads nothing.
  signal.addEventListener('abort', () => void reader.cancel().catch(() => {}));
  let buffer = memory;
  let filled = 0;
  while (filled < blob.size) {
    const { value, done } = await reader.read(new Uint8Array(buffer, filled, blob.size - filled));
    moved();
    if (value !== undefined) {
      buffer = value.buffer;
      filled += value.length;
    }
    if (done) {
      break;
    }
  }
  if (filled !== blob.size) {
    throw new Failure('file', 'It has become shorter');
  }
  return new Uint8Array(buffer, 0, filled);
}
