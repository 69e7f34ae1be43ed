// What an upload takes its bytes from.

import { Failure } from './failure.js';

/**
 * @typedef {object} Source
 * @property {number} size bytes of the image that it holds
 * @property {number} dataSize bytes of it that must be read
 * @property {(start: number, end: number) => Promise<Uint8Array<ArrayBuffer> | null>} read null: all of it is zero
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

  /** @param {number} start @param {number} end */
  read(start, end) {
    return readFile(this.#file, start, end);
  }

  /** Reading fails when the file is another than the one that was chosen. */
  async check() {
    await readFile(this.#file, 0, Math.min(1, this.size));
  }
}

/** @param {File} file @param {number} start @param {number} end @returns {Promise<Uint8Array<ArrayBuffer>>} */
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
