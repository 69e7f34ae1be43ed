// An upload: reads, looks for zeroes, hashes, sends, flushes, and has the server prove that it all arrived.

import { Failure } from './failure.js';
import { BlockHashes, sha256, toContentDigest, toHex } from './hashes.js';
import { BLOCK, UploadPlan, isAllZero, runsOf } from './plan.js';
import { RangeSet } from './ranges.js';
import { Transfer } from './transfer.js';

const MIB = 1024 * 1024;
const SECOND = 1000;
const FLUSH_EVERY_BYTES = 1024 * MIB;
/** What a reload loses is no more than was sent in this time. */
const FLUSH_EVERY = 5 * SECOND;
const SMALLEST_UNIT = MIB;
const MOST_ROUNDS = 10;
/** What a person who leaves, or a failure that is to be told, can wait for. */
const LAST_FLUSH = 5 * SECOND;

/**
 * @typedef {import('./ranges.js').Range} Range
 * @typedef {object} UploadJob
 * @property {import('./source.js').Source} source
 * @property {RangeSet} zeroAtServer what the server's extents say
 * @property {number} imageSize what the server's image has
 * @property {boolean} hasZeroTail whether all behind the source's end is zero
 * @property {RangeSet} durable from an earlier visit
 * @property {(durable: RangeSet) => void} onDurable
 */

export class Upload extends Transfer {
  /** @readonly */ #job;
  /** @readonly */ #plan;
  /** @readonly */ #hashes = new BlockHashes();
  /** Bytes of requests that run, by request. @type {Map<object, number>} */ #moving = new Map();
  #unflushed = 0;
  #lastFlush = Date.now();
  /** @type {Promise<boolean> | null} */ #flushing = null;
  #lostFlushes = 0;
  /** The most that one request sends: less after a cut, so that a bad link still gets something done. */ #unit = BLOCK;

  /**
   * @param {import('./api.js').ImageApi} api
   * @param {import('./api.js').Facts} facts
   * @param {UploadJob} job
   * @param {(progress: import('./transfer.js').Progress) => void} tell
   */
  constructor(api, facts, job, tell) {
    super(api, facts, job.source.size, tell);
    this.#job = job;
    this.#plan = new UploadPlan(job.source.size, job.zeroAtServer, job.durable);
    for (const range of job.durable) {
      this.map.done(range, false);
      this.map.durable(range);
    }
  }

  pause() {
    super.pause();
    // So that a tab which is closed now loses nothing.
    void this.#flushBeforeLeaving();
  }

  /** @protected */
  get done() {
    let done = this.#plan.durable.total + this.#plan.sent.total;
    for (const bytes of this.#moving.values()) {
      done += bytes;
    }
    return Math.min(done, this.#job.source.size);
  }

  /** @protected */
  async move() {
    const isWhole = () => this.#plan.durable.contains(0, this.#job.source.size);
    // Again when a flush has failed: what was lost is sent once more. A second one that fails throws.
    for (let round = 0; round < MOST_ROUNDS && (round === 0 || !isWhole()); round++) {
      await this.inParallel(this.facts.writers, () => this.#step());
      await this.#flushAll();
    }
    if (!isWhole()) {
      throw new Failure('bug', 'Not all of the file was sent');
    }
  }

  /** @protected */
  async verify() {
    await this.#hashEarlierPieces();
    await this.#job.source.check();
    const { size } = this.#job.source;
    const isWhole = this.#job.hasZeroTail || size >= this.#job.imageSize;
    const checked = isWhole ? Math.max(size, this.#job.imageSize) : size;
    this.#hashes.setZero(Math.ceil(size / BLOCK), Math.ceil(checked / BLOCK));
    const checksum = await this.#hashes.checksum(checked);
    const result = { checksum, checked, isVerified: true, untouched: Math.max(0, this.#job.imageSize - size) };
    if (!isWhole) {
      await this.#readBack(size);
    } else if (this.facts.hasChecksum) {
      let theirs = '';
      await this.untilDone(async ({ signal }) => { theirs = await this.api.checksum(BLOCK, signal); });
      if (theirs !== checksum) {
        throw new Failure('mismatch', `${checksum} ${theirs}`);
      }
    } else {
      result.isVerified = false;
    }
    this.result = result;
  }

  /** @protected */
  async release() {
    await this.#flushBeforeLeaving();
  }

  /** @protected @param {AbortSignal} signal */
  async reconnect(signal) {
    await this.api.options(signal);
    if (!this.#plan.sent.isEmpty) {
      await this.#flush(signal);
    }
  }

  async #step() {
    const zero = this.#plan.takeZero(false);
    if (zero !== null) {
      await this.#zero(zero);
    } else {
      const piece = this.#plan.nextPiece();
      if (piece !== null) {
        await this.#piece(piece);
      } else {
        const last = this.#plan.takeZero(true);
        if (last === null) {
          return false;
        }
        await this.#zero(last);
      }
    }
    this.#flushWhenDue();
    return true;
  }

  /** @param {Range} piece */
  async #piece(piece) {
    const bytes = await this.#job.source.read(piece.start, piece.end);
    this.#plan.scanned.add(piece.start, piece.end);
    if (bytes === null) {
      this.#hashes.setZero(piece.start / BLOCK, Math.ceil(piece.end / BLOCK));
      this.#foundZero(piece);
      return;
    }
    const hashes = this.#hashBlocks(piece, bytes);
    for (const run of runsOf(bytes, piece.start)) {
      if (run.isZero) {
        this.#foundZero(run);
      } else {
        for (const missing of this.#plan.missing(run)) {
          await this.#data(missing, bytes.subarray(missing.start - piece.start, missing.end - piece.start), hashes);
        }
      }
    }
    await Promise.all(hashes.values());
    // 8 MiB that no collector has to find.
    bytes.buffer.transfer?.(0);
  }

  /** Begins to hash the blocks of a piece; by where they start. @param {Range} piece @param {Uint8Array<ArrayBuffer>} bytes */
  #hashBlocks(piece, bytes) {
    /** @type {Map<number, Promise<Uint8Array>>} */
    const hashes = new Map();
    for (let at = 0; at < bytes.length; at += BLOCK) {
      const index = (piece.start + at) / BLOCK;
      const end = Math.min(at + BLOCK, bytes.length);
      if (isAllZero(bytes, at, end)) {
        this.#hashes.setZero(index, index + 1);
      } else {
        hashes.set(piece.start + at, this.#hashBlock(index, bytes.subarray(at, end)));
      }
    }
    return hashes;
  }

  /** @param {number} index @param {Uint8Array<ArrayBuffer>} bytes */
  async #hashBlock(index, bytes) {
    // At the server, zeroes follow the file's end in its last block.
    const end = this.#job.hasZeroTail ? Math.min((index + 1) * BLOCK, this.#job.imageSize) : 0;
    const length = Math.max(bytes.length, end - index * BLOCK);
    let whole = bytes;
    if (length > bytes.length) {
      whole = new Uint8Array(length);
      whole.set(bytes);
    }
    const hash = await sha256(whole);
    this.#hashes.set(index, hash);
    return hash;
  }

  /** @param {Range} range */
  #foundZero(range) {
    for (const there of this.#plan.foundZero(range)) {
      this.map.done(there, true);
      this.map.durable(there);
    }
  }

  /** Sends data in as large requests as the link bears. @param {Range} range @param {Uint8Array<ArrayBuffer>} bytes @param {Map<number, Promise<Uint8Array>>} hashes */
  async #data({ start }, bytes, hashes) {
    let hadDigestTrouble = false;
    for (let at = 0; at < bytes.length;) {
      // Cut at blocks where it can be: their hash is there already.
      const length = Math.min(this.#unit, BLOCK - ((start + at) % BLOCK), bytes.length - at);
      const range = { start: start + at, end: start + at + length };
      const part = bytes.subarray(at, at + length);
      const hash = length === BLOCK ? await hashes.get(range.start) : undefined;
      const digest = toContentDigest(hash ?? await sha256(part));
      try {
        if (await this.#put(range, part, digest)) {
          this.#unit = Math.min(BLOCK, this.#unit * 2);
          this.#acknowledged(range, false);
          at += length;
        } else {
          this.#unit = Math.max(SMALLEST_UNIT, this.#unit / 2);
        }
      } catch (error) {
        if (hadDigestTrouble || !(error instanceof Failure) || error.kind !== 'digest') {
          throw error;
        }
        hadDigestTrouble = true;
      }
    }
  }

  /** @param {Range} range @param {Uint8Array<ArrayBuffer>} bytes @param {string} digest */
  async #put(range, bytes, digest) {
    const request = {};
    const flush = this.facts.canFlush ? !this.facts.remembersLosses : null;
    this.map.starts(range);
    try {
      return await this.line.attempt(({ signal, onProgress }) => this.api.put(range.start, bytes, {
        flush,
        digest,
        signal,
        onProgress: (sent) => {
          onProgress();
          this.#moving.set(request, Math.min(sent, bytes.length));
        },
      }));
    } finally {
      this.#moving.delete(request);
      this.map.ends(range);
    }
  }

  /** @param {Range} range */
  async #zero(range) {
    if (!this.facts.canZero) {
      await this.#sendZeroes(range);
      return;
    }
    this.map.starts(range);
    try {
      await this.untilDone(({ signal }) => this.api.zero(range, !this.facts.remembersLosses, signal));
    } finally {
      this.map.ends(range);
    }
    this.#acknowledged(range, true);
  }

  /** To a server that cannot zero. @param {Range} range */
  async #sendZeroes({ start, end }) {
    const zeroes = new Uint8Array(Math.min(BLOCK, end - start));
    for (let at = start; at < end; at += zeroes.length) {
      const part = { start: at, end: Math.min(end, at + zeroes.length) };
      const bytes = zeroes.subarray(0, part.end - part.start);
      const digest = toContentDigest(await sha256(bytes));
      while (!await this.#put(part, bytes, digest)) {
        // Lost or paused, and back.
      }
      this.#acknowledged(part, true);
    }
  }

  /** @param {Range} range @param {boolean} isZero */
  #acknowledged(range, isZero) {
    const length = range.end - range.start;
    this.acknowledged += isZero ? 0 : length;
    this.map.done(range, isZero);
    if (this.facts.remembersLosses) {
      this.#plan.sent.add(range.start, range.end);
      this.#unflushed += length;
    } else {
      // It was flushed with its own request.
      this.#plan.durable.add(range.start, range.end);
      this.map.durable(range);
      this.#job.onDurable(this.#plan.durable);
    }
  }

  #flushWhenDue() {
    const isDue = this.#unflushed >= FLUSH_EVERY_BYTES || Date.now() - this.#lastFlush >= FLUSH_EVERY;
    if (isDue && this.#flushing === null && !this.#plan.sent.isEmpty) {
      this.#flushing = this.line.attempt(({ signal }) => this.#flush(signal))
        // What cannot be mended fails at the end as well.
        .catch(() => false)
        .finally(() => { this.#flushing = null; });
    }
  }

  async #flushAll() {
    await this.#flushing;
    while (!this.#plan.sent.isEmpty) {
      await this.line.attempt(({ signal }) => this.#flush(signal));
    }
  }

  /** For who is about to leave, on a line that may be paused or given up. */
  async #flushBeforeLeaving() {
    if (!this.#plan.sent.isEmpty) {
      await this.#flush(AbortSignal.timeout(LAST_FLUSH)).catch(() => {});
    }
  }

  /** Makes durable what was sent before; or, when the server says that it is lost, has it sent again. @param {AbortSignal} signal */
  async #flush(signal) {
    const covered = this.#plan.sent.clone();
    this.#unflushed = 0;
    this.#lastFlush = Date.now();
    try {
      await this.api.flush(signal);
      this.#lostFlushes = 0;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'storage' || ++this.#lostFlushes > 1) {
        throw error;
      }
      for (const range of this.#plan.sent) {
        this.map.lost(range);
      }
      this.#plan.lost();
      return;
    }
    for (const range of covered) {
      this.map.durable(range);
    }
    this.#plan.flushed(covered);
    this.#job.onDurable(this.#plan.durable);
  }

  /** What an earlier visit sent must be what the file holds now. */
  async #hashEarlierPieces() {
    for (const piece of this.#plan.unseenPieces()) {
      await this.line.usable();
      const bytes = await this.#job.source.read(piece.start, piece.end);
      if (bytes === null) {
        this.#hashes.setZero(piece.start / BLOCK, Math.ceil(piece.end / BLOCK));
      } else {
        await Promise.all(this.#hashBlocks(piece, bytes).values());
        bytes.buffer.transfer?.(0);
      }
    }
  }

  /**
   * Compares by reading: where the file ends and something else follows, the server's checksum says nothing.
   * @param {number} size
   */
  async #readBack(size) {
    let next = 0;
    await this.inParallel(this.facts.readers, async () => {
      if (next >= size) {
        return false;
      }
      const start = next;
      next = Math.min(size, start + BLOCK);
      const bytes = new Uint8Array(next - start);
      const target = { bytes, filled: 0 };
      await this.untilDone(({ signal, onProgress }) => this.api.read(start, target, { signal, onProgress }));
      const theirs = toHex(await sha256(bytes));
      const ours = toHex(await this.#hashes.get(start / BLOCK, size));
      if (theirs !== ours) {
        throw new Failure('mismatch', `${ours} ${theirs} at ${start}`);
      }
      return true;
    });
  }
}
