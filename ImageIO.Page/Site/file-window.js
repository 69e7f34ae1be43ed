// Reads small things from a file in large strides: each read of a Blob costs as much as half a mebibyte of it.

import { readFile } from './source.js';

const STRIDE = 1024 * 1024;
const MOST_STRIDES = 16;

export class FileWindow {
  /** @readonly */ #file;
  /** Strides by their index, the one that was used last at the end. @type {Map<number, Promise<Uint8Array>>} */
  #strides = new Map();

  /** @param {File} file */
  constructor(file) {
    this.#file = file;
  }

  /** The bytes from start on; zeroes behind the file's end. @param {number} start @param {number} length */
  async read(start, length) {
    const bytes = new Uint8Array(length);
    const end = Math.min(start + length, this.#file.size);
    for (let at = start; at < end;) {
      const index = Math.floor(at / STRIDE);
      const stride = await this.#stride(index);
      const from = at - index * STRIDE;
      const part = stride.subarray(from, Math.min(stride.length, from + end - at));
      bytes.set(part, at - start);
      at += part.length;
    }
    return bytes;
  }

  /** @param {number} index */
  #stride(index) {
    let stride = this.#strides.get(index);
    this.#strides.delete(index);
    stride ??= readFile(this.#file, index * STRIDE, Math.min((index + 1) * STRIDE, this.#file.size));
    this.#strides.set(index, stride);
    if (this.#strides.size > MOST_STRIDES) {
      this.#strides.delete(/** @type {number} */ (this.#strides.keys().next().value));
    }
    return stride;
  }
}
