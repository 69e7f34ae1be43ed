// What of an image is sent in which order, what is zero, what is durable. It moves nothing itself.

import { RangeSet } from './ranges.js';

const KIB = 1024;
const MIB = 1024 * KIB;

/** What the server's checksum is made of. */
export const BLOCK = 4 * MIB;
/** What is read from the file at once. */
export const PIECE = 2 * BLOCK;
/** The least run of zeroes that is worth a request of its own; also what servers can deallocate. */
export const GRAIN = 64 * KIB;
/** Storage arrays were seen to time out on larger ones. */
export const LARGEST_ZERO = 128 * MIB;

/**
 * @typedef {import('./ranges.js').Range} Range
 * @typedef {Range & {isZero: boolean}} Run
 */

/** The course of one upload. */
export class UploadPlan {
  /** Bytes to upload. @readonly */ size;
  /** What reads as zeroes at the server anyway. @readonly */ zeroAtServer;
  /** What a flush has covered. */ durable = new RangeSet();
  /** What was answered by success and is not yet durable. */ sent = new RangeSet();
  /** What has been looked at in the file. */ scanned = new RangeSet();
  /** Zeroes that are to be made at the server. */ #zeroes = new RangeSet();
  /** What was durable when this page was opened: not sent again, but compared at the end. @readonly */ earlier;
  /** Pieces that are to be sent again, by their start. @type {Set<number>} */ #again = new Set();
  #next = 0;

  /**
   * @param {number} size bytes to upload
   * @param {RangeSet} zeroAtServer
   * @param {RangeSet} durable from an earlier visit
   */
  constructor(size, zeroAtServer, durable) {
    this.size = size;
    this.zeroAtServer = zeroAtServer;
    this.earlier = durable.clone();
    this.durable.addAll(durable);
  }

  /** The next piece to read and send. Null: each one has been handed out. @returns {Range | null} */
  nextPiece() {
    for (const start of this.#again) {
      this.#again.delete(start);
      return this.#piece(start);
    }
    while (this.#next < this.size) {
      const piece = this.#piece(this.#next);
      this.#next = piece.end;
      if (!this.durable.contains(piece.start, piece.end)) {
        return piece;
      }
      this.scanned.add(piece.start, piece.end);
    }
    return null;
  }

  /** Pieces that an earlier visit sent: this one has not seen what is in them. @returns {Iterable<Range>} */
  *unseenPieces() {
    for (let at = 0; at < this.size; at += PIECE) {
      const piece = this.#piece(at);
      if (this.earlier.contains(piece.start, piece.end)) {
        yield piece;
      }
    }
  }

  /** What of a range must still be sent or zeroed. @param {Range} range */
  missing(range) {
    return this.durable.missing(range.start, range.end)
      .flatMap(({ start, end }) => this.sent.missing(start, end));
  }

  /**
   * Notes a run of zeroes. Gives what of it the server has already: nothing has to be done there.
   * @param {Range} range
   */
  foundZero(range) {
    const found = [];
    for (const missing of this.missing(range)) {
      for (const there of this.zeroAtServer.within(missing.start, missing.end)) {
        this.durable.add(there.start, there.end);
        found.push(there);
      }
      for (const absent of this.zeroAtServer.missing(missing.start, missing.end)) {
        this.#zeroes.add(absent.start, absent.end);
      }
    }
    return found;
  }

  /**
   * Zeroes to be made at the server now: those that cannot grow any more, or are as large as they may be.
   * @param {boolean} isLast whether all pieces were looked at
   * @returns {Range | null}
   */
  takeZero(isLast) {
    for (const { start, end } of this.#zeroes) {
      if (isLast || end - start >= LARGEST_ZERO || (this.#isSeen(start - 1) && this.#isSeen(end))) {
        const taken = { start, end: Math.min(end, start + LARGEST_ZERO) };
        this.#zeroes.remove(taken.start, taken.end);
        return taken;
      }
    }
    return null;
  }

  /** A flush that began when this was sent has succeeded. @param {RangeSet} covered */
  flushed(covered) {
    this.durable.addAll(covered);
    this.sent.removeAll(covered);
  }

  /** What was sent is lost: all of it is to be sent again. */
  lost() {
    for (const range of this.sent) {
      for (let at = range.start - (range.start % PIECE); at < range.end; at += PIECE) {
        this.#again.add(at);
      }
    }
    this.sent.clear();
  }

  /** @param {number} position */
  #isSeen(position) {
    return position < 0 || position >= this.size || this.scanned.contains(position, position + 1);
  }

  /** @param {number} start @returns {Range} */
  #piece(start) {
    return { start, end: Math.min(start + PIECE, this.size) };
  }
}

/**
 * Cuts a piece into runs of zeroes and of data, at multiples of the grain.
 * @param {Uint8Array} bytes
 * @param {number} offset where in the image they are, a multiple of the grain
 * @returns {Run[]}
 */
export function runsOf(bytes, offset) {
  /** @type {Run[]} */
  const runs = [];
  for (let at = 0; at < bytes.length; at += GRAIN) {
    const end = Math.min(at + GRAIN, bytes.length);
    const isZero = isAllZero(bytes, at, end);
    const last = runs.at(-1);
    if (last?.isZero === isZero) {
      last.end = offset + end;
    } else {
      runs.push({ start: offset + at, end: offset + end, isZero });
    }
  }
  return runs;
}

/** @param {Uint8Array} bytes @param {number} start @param {number} end */
export function isAllZero(bytes, start, end) {
  let at = start;
  const isAligned = (bytes.byteOffset + start) % 4 === 0;
  if (isAligned) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + start, (end - start) >> 2);
    // Eight at a time: noise is told from zeroes at once, and zeroes are gone through at memory's speed.
    const whole = words.length & ~7;
    let i = 0;
    for (; i < whole; i += 8) {
      if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3]
        | words[i + 4] | words[i + 5] | words[i + 6] | words[i + 7]) !== 0) {
        return false;
      }
    }
    at += i * 4;
  }
  for (; at < end; at++) {
    if (bytes[at] !== 0) {
      return false;
    }
  }
  return true;
}
