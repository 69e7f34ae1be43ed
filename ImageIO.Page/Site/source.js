// What an upload takes its bytes from.

import { Failure } from './failure.js';

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
export async function readFile(file, start, end) {
  let buffer;
  try {
    buffer = await file.slice(start, end).arrayBuffer();
  } catch (error) {
    throw new Failure('file', String(error));
  }
  if (buffer.byteLength !== end - start) {
    throw new Failure('file', 'It has become shorter');
  }
  return new Uint8Array(buffer);
}

/**
 * Reads into memory that is there already: half the work of new memory for each piece, and none to be collected.
 * @param {Blob} file @param {number} start @param {number} end @param {ArrayBuffer} memory
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function readInto(file, start, end, memory) {
  const length = end - start;
  const reader = byteReader(file.slice(start, end));
  if (reader === null) {
    const bytes = await readFile(file, start, end);
    new Uint8Array(memory).set(bytes);
    return new Uint8Array(memory, 0, length);
  }
  let buffer = memory;
  let filled = 0;
  try {
    while (filled < length) {
      const { value, done } = await reader.read(new Uint8Array(buffer, filled, length - filled));
      if (value !== undefined) {
        buffer = value.buffer;
        filled += value.length;
      }
      if (done) {
        break;
      }
    }
  } catch (error) {
    throw new Failure('file', String(error));
  }
  if (filled !== length) {
    throw new Failure('file', 'It has become shorter');
  }
  return new Uint8Array(buffer, 0, length);
}

/** Null: this browser cannot read into given memory. @param {Blob} blob */
function byteReader(blob) {
  try {
    return blob.stream().getReader({ mode: 'byob' });
  } catch {
    return null;
  }
}
