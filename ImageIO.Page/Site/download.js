// A download straight into a file: what is zero is not transferred, and the file is given its name only when the
// checksums agree.

import { BlockHashes, sha256 } from './hashes.js';
import { Failure } from './failure.js';
import { BLOCK, GRAIN, PIECE, isAllZero } from './plan.js';
import { RangeSet } from './ranges.js';
import { Transfer } from './transfer.js';

/** @typedef {import('./ranges.js').Range} Range */

export class Download extends Transfer {
  /** @readonly */ #handle;
  /** @readonly */ #hashes = new BlockHashes();
  /** @type {FileSystemWritableFileStream | null} */ #file = null;
  #zero = new RangeSet();
  #next = 0;
  #done = 0;
  /** What requests have read of what they are to read. @type {Set<{filled: number}>} */ #moving = new Set();

  /**
   * @param {import('./api.js').ImageApi} api
   * @param {import('./api.js').Facts} facts
   * @param {FileSystemFileHandle} handle
   * @param {(progress: import('./transfer.js').Progress) => void} tell
   */
  constructor(api, facts, handle, tell) {
    super(api, facts, facts.size, tell);
    this.#handle = handle;
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
    await this.untilDone(async ({ signal }) => {
      this.#zero.clear();
      if (this.facts.hasExtents) {
        for await (const extent of this.api.extents(signal)) {
          if (extent.zero) {
            this.#zero.add(extent.start, extent.start + extent.length);
          }
        }
      }
    });
    // The whole size at once: what is not written reads as zeroes and takes no room.
    await this.#toDisk(async () => {
      this.#file = await this.#handle.createWritable();
      await this.#file.truncate(this.facts.size);
    });
    await this.inParallel(this.facts.readers, () => this.#step());
  }

  /** @protected */
  async verify() {
    const checksum = await this.#hashes.checksum(this.facts.size);
    let isVerified = false;
    if (this.facts.hasChecksum) {
      let theirs = '';
      await this.untilDone(async ({ signal }) => { theirs = await this.api.checksum(BLOCK, signal); });
      if (theirs !== checksum) {
        throw new Failure('mismatch', `${checksum} ${theirs}`);
      }
      isVerified = true;
    }
    await this.#toDisk(async () => { await this.#file?.close(); });
    this.#file = null;
    this.result = { checksum, checked: this.facts.size, isVerified, untouched: 0 };
  }

  /** @protected */
  async release() {
    // Not closed: nobody is to take it for the image.
    await this.#file?.abort().catch(() => {});
  }

  async #step() {
    if (this.#next >= this.facts.size) {
      return false;
    }
    const piece = { start: this.#next, end: Math.min(this.#next + PIECE, this.facts.size) };
    this.#next = piece.end;
    const parts = this.#dataIn(piece);
    if (parts.length === 0) {
      this.#hashes.setZero(piece.start / BLOCK, Math.ceil(piece.end / BLOCK));
      this.map.done(piece, true);
      this.#done += piece.end - piece.start;
      return true;
    }
    const bytes = new Uint8Array(piece.end - piece.start);
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
    bytes.buffer.transfer?.(0);
    return true;
  }

  /** Data, with gaps that are too small for a request of their own. @param {Range} piece */
  #dataIn(piece) {
    /** @type {Range[]} */
    const parts = [];
    for (const range of this.#zero.missing(piece.start, piece.end)) {
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
    this.map.starts(range);
    try {
      await this.untilDone(({ signal, onProgress }) => this.api.read(range.start, target, { signal, onProgress }));
    } finally {
      this.#moving.delete(target);
      this.map.ends(range);
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
