// Hashes what is read of a source as the server will hash what it has.

import { sha256 } from './hashes.js';
import { BLOCK, isAllZero } from './plan.js';

/** @typedef {import('./ranges.js').Range} Range */

export class BlockHasher {
  /** @readonly */ #hashes;
  /** Where the server's image ends with zeroes behind what is uploaded. 0: something else is there. @readonly */ #paddedEnd;

  /** @param {import('./hashes.js').BlockHashes} hashes @param {number} paddedEnd */
  constructor(hashes, paddedEnd) {
    this.#hashes = hashes;
    this.#paddedEnd = paddedEnd;
  }

  /** All of it is zero. @param {Range} piece */
  zero(piece) {
    this.#hashes.setZero(piece.start / BLOCK, Math.ceil(piece.end / BLOCK));
  }

  /**
   * Begins to hash the blocks of a piece. Gives the hashes of those that are not zero, by where they start.
   * @param {Range} piece @param {Uint8Array<ArrayBuffer>} bytes
   */
  blocks(piece, bytes) {
    /** @type {Map<number, Promise<Uint8Array>>} */
    const hashes = new Map();
    for (let at = 0; at < bytes.length; at += BLOCK) {
      const index = (piece.start + at) / BLOCK;
      const end = Math.min(at + BLOCK, bytes.length);
      if (isAllZero(bytes, at, end)) {
        this.#hashes.setZero(index, index + 1);
      } else {
        hashes.set(piece.start + at, this.#block(index, bytes.subarray(at, end)));
      }
    }
    return hashes;
  }

  /** @param {number} index @param {Uint8Array<ArrayBuffer>} bytes */
  async #block(index, bytes) {
    const length = Math.min(BLOCK, Math.max(bytes.length, this.#paddedEnd - index * BLOCK));
    let padded = bytes;
    if (length > bytes.length) {
      padded = new Uint8Array(length);
      padded.set(bytes);
    }
    const hash = await sha256(padded);
    this.#hashes.set(index, hash);
    return hash;
  }
}
