// The block hashes of an image and the checksum that is made of them: that of GET /images/ID/checksum.

import { Failure } from './failure.js';
import { BLOCK } from './plan.js';
import { RangeSet } from './ranges.js';

const LENGTH = 32;
/** Blocks whose hashes are kept together, so that a sparse image of any size costs little. */
const BATCH = 1024;

/** SHA-256 of blocks, by index. A block must be given a hash or be called zero, or there is no checksum. */
export class BlockHashes {
  /** @type {Map<number, Uint8Array>} by batch */
  #batches = new Map();
  /** Indexes with a hash. */
  #known = new RangeSet();
  /** Indexes of blocks that are all zero. */
  #zero = new RangeSet();

  /** @param {number} index @param {Uint8Array} hash */
  set(index, hash) {
    const batch = Math.floor(index / BATCH);
    let hashes = this.#batches.get(batch);
    if (hashes === undefined) {
      hashes = new Uint8Array(BATCH * LENGTH);
      this.#batches.set(batch, hashes);
    }
    hashes.set(hash, (index % BATCH) * LENGTH);
    this.#known.add(index, index + 1);
    this.#zero.remove(index, index + 1);
  }

  /** @param {number} first @param {number} end index behind the last */
  setZero(first, end) {
    this.#zero.add(first, end);
    this.#known.remove(first, end);
  }

  /**
   * The hash of a block in an image of this size.
   * @param {number} index @param {number} size
   */
  async get(index, size) {
    if (this.#zero.contains(index, index + 1)) {
      return hashOfZeroes(Math.min(BLOCK, size - index * BLOCK));
    }
    if (!this.#known.contains(index, index + 1)) {
      throw new Failure('bug', `block ${index} was not hashed`);
    }
    const at = (index % BATCH) * LENGTH;
    return /** @type {Uint8Array} */ (this.#batches.get(Math.floor(index / BATCH))).subarray(at, at + LENGTH);
  }

  /** The checksum of an image of this size, in hexadecimal. @param {number} size */
  async checksum(size) {
    const count = Math.ceil(size / BLOCK);
    const all = new Uint8Array(count * LENGTH);
    for (let i = 0; i < count; i++) {
      all.set(await this.get(i, size), i * LENGTH);
    }
    return toHex(await sha256(all));
  }
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

/** @param {Uint8Array} bytes */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** As Content-Digest wants it (RFC 9530). @param {Uint8Array} hash */
export function toContentDigest(hash) {
  return `sha-256=:${btoa(String.fromCharCode(...hash))}:`;
}

/** @type {Map<number, Promise<Uint8Array>>} */
const zeroHashes = new Map();

/** @param {number} length */
function hashOfZeroes(length) {
  let hash = zeroHashes.get(length);
  if (hash === undefined) {
    hash = sha256(new Uint8Array(length));
    zeroHashes.set(length, hash);
  }
  return hash;
}
