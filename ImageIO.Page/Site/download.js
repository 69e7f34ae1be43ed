// A download straight into a file: what is zero is not transferred, and the file is given its name only when the
// checksums agree.

import { BlockHashes, sha256 } from './hashes.js';
import { Failure } from './failure.js';
import { BLOCK, GRAIN, PIECE, isAllZero } from './plan.js';
import { Transfer } from './transfer.js';

/**
 * @typedef {import('./ranges.js').Range} Range
 * @typedef {import('./ranges.js').RangeSet} RangeSet
 */

export class Download extends Transfer {
  /** @readonly */ #job;
  /** @readonly */ #hashes = new BlockHashes();
  /** @type {FileSystemWritableFileStream | null} */ #file = null;
  #next = 0;
  #done = 0;
  /** For a piece each. @type {ArrayBuffer[]} */ #memory = [];
  /** What requests have read of what they are to read. @type {Set<{filled: number}>} */ #moving = new Set();

  /**
   * @param {import('./api.js').ImageApi} api
   * @param {import('./api.js').Facts} facts
   * @param {{handle: FileSystemFileHandle, zero: RangeSet, imageSize: number}} job zero: what need not be transferred
   * @param {(progress: import('./transfer.js').Progress) => void} tell
   */
  constructor(api, facts, job, tell) {
    super(api, facts, job.imageSize, tell);
    this.#job = job;
  }

  /** @protected */
  get done() {
    let done = this.#done;
    for (const { filled } of this.#moving) {
      done += filled;
    }
    return done;
  }

  /** @protected */
  async move() {
    // The whole size at once: what is not written reads as zeroes and takes no room.
    await this.#toDisk(async () => {
      this.#file = await this.#job.handle.createWritable();
      await this.#file.truncate(this.#job.imageSize);
    });
    await this.inParallel(this.facts.readers, () => this.#step());
  }

  /** @protected */
  async verify() {
    const checksum = await this.#hashes.checksum(this.#job.imageSize);
    const isVerified = await this.compareChecksum(checksum);
    await this.#toDisk(async () => { await this.#file?.close(); });
    this.#file = null;
    this.result = { checksum, checked: this.#job.imageSize, isVerified, untouched: 0 };
  }

  /** @protected */
  async release() {
    // Not closed: nobody is to take it for the image.
    await this.#file?.abort().catch(() => {});
  }

  async #step() {
    if (this.#next >= this.#job.imageSize) {
      return false;
    }
    const piece = { start: this.#next, end: Math.min(this.#next + PIECE, this.#job.imageSize) };
    this.#next = piece.end;
    const parts = this.#dataIn(piece);
    if (parts.length === 0) {
      this.#hashes.setZero(piece.start / BLOCK, Math.ceil(piece.end / BLOCK));
      this.map.done(piece, true);
      this.#done += piece.end - piece.start;
      return true;
    }
    const bytes = new Uint8Array(this.#memory.pop() ?? new ArrayBuffer(PIECE), 0, piece.end - piece.start).fill(0);
    this.#done += bytes.length - parts.reduce((sum, part) => sum + part.end - part.start, 0);
    for (const part of parts) {
      await this.#read(part, bytes.subarray(part.start - piece.start, part.end - piece.start));
    }
    await this.#hash(piece, bytes);
    for (const { start, end } of parts) {
      const data = bytes.subarray(start - piece.start, end - piece.start);
      await this.#toDisk(async () => { await this.#file?.write({ type: 'write', position: start, data }); });
      this.map.durable({ start, end });
    }
    this.#memory.push(bytes.buffer);
    return true;
  }

  /** Data, with gaps that are too small for a request of their own. @param {Range} piece */
  #dataIn(piece) {
    /** @type {Range[]} */
    const parts = [];
    for (const range of this.#job.zero.missing(piece.start, piece.end)) {
      const last = parts.at(-1);
      if (last !== undefined && range.start - last.end < GRAIN) {
        last.end = range.end;
      } else {
        parts.push({ ...range });
      }
    }
    return parts;
  }

  /** @param {Range} range @param {Uint8Array} bytes */
  async #read(range, bytes) {
    const target = { bytes, filled: 0 };
    this.#moving.add(target);
    try {
      await this.untilDone(({ signal, onProgress }) => this.map.while(
        range, () => this.api.read(range.start, target, { signal, onProgress })));
    } finally {
      this.#moving.delete(target);
    }
    this.#done += bytes.length;
    this.acknowledged += bytes.length;
    this.map.done(range, false);
  }

  /** @param {Range} piece @param {Uint8Array<ArrayBuffer>} bytes */
  async #hash(piece, bytes) {
    for (let at = 0; at < bytes.length; at += BLOCK) {
      const index = (piece.start + at) / BLOCK;
      const end = Math.min(at + BLOCK, bytes.length);
      if (isAllZero(bytes, at, end)) {
        this.#hashes.setZero(index, index + 1);
      } else {
        this.#hashes.set(index, await sha256(bytes.subarray(at, end)));
      }
    }
  }

  /** @param {() => Promise<void>} work */
  async #toDisk(work) {
    try {
      await work();
    } catch (error) {
      throw new Failure('disk', error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
  }
}
