// An upload: reads, looks for zeroes, hashes, sends, flushes, and has the server prove that it all arrived.

import { BlockHasher } from './block-hasher.js';
import { Durability } from './durability.js';
import { Failure } from './failure.js';
import { BlockHashes, sha256, toHex } from './hashes.js';
import { BLOCK, PIECE, UploadPlan, runsOf } from './plan.js';
import { Sender } from './sender.js';
import { Transfer } from './transfer.js';

/** Each is a flush that failed; two in a row end it, and no storage fails every other time. */
const MOST_ROUNDS = 10;

/**
 * @typedef {import('./ranges.js').Range} Range
 * @typedef {import('./ranges.js').RangeSet} RangeSet
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
  /** @readonly */ #hasher;
  /** @readonly */ #durability;
  /** @readonly */ #sender;
  /** For a piece each; as much as there are workers. @type {ArrayBuffer[]} */ #memory = [];

  /**
   * @param {import('./api.js').ImageApi} api
   * @param {import('./api.js').Facts} facts
   * @param {UploadJob} job
   * @param {(progress: import('./transfer.js').Progress) => void} tell
   */
  constructor(api, facts, job, tell) {
    super(api, facts, job.source.size, tell);
    const { line, map } = this;
    const plan = new UploadPlan(job.source.size, job.zeroAtServer, job.durable);
    this.#job = job;
    this.#plan = plan;
    this.#hasher = new BlockHasher(this.#hashes, job.hasZeroTail ? job.imageSize : 0);
    this.#durability = new Durability({ api, facts, line, plan, map, onDurable: job.onDurable });
    this.#sender = new Sender({
      api,
      line,
      map,
      source: job.source,
      canZero: facts.canZero,
      flush: this.#durability.flushOfRequests,
      acknowledged: (range, isZero) => this.#acknowledged(range, isZero),
    });
    for (const range of job.durable) {
      map.done(range, false);
      map.durable(range);
    }
  }

  pause() {
    super.pause();
    // So that a tab which is closed now loses nothing.
    void this.#durability.flushBeforeLeaving();
  }

  /** @protected */
  get done() {
    return Math.min(this.#plan.durable.total + this.#plan.sent.total + this.#sender.moving, this.#plan.size);
  }

  /** @protected */
  async move() {
    const isWhole = () => this.#plan.durable.contains(0, this.#plan.size);
    // Again when a flush has failed: what was lost is sent once more.
    for (let round = 0; round < MOST_ROUNDS && (round === 0 || !isWhole()); round++) {
      await this.inParallel(this.facts.writers, () => this.#step());
      await this.#durability.flushAll();
    }
    if (!isWhole()) {
      throw new Failure('bug', 'Not all of the file was sent');
    }
  }

  /** @protected */
  async verify() {
    await this.#hashEarlierPieces();
    await this.#job.source.check();
    const { size } = this.#plan;
    const { imageSize, hasZeroTail } = this.#job;
    const isComparable = hasZeroTail || size >= imageSize;
    const checked = isComparable ? Math.max(size, imageSize) : size;
    this.#hashes.setZero(Math.ceil(size / BLOCK), Math.ceil(checked / BLOCK));
    const checksum = await this.#hashes.checksum(checked);
    const isVerified = isComparable ? await this.compareChecksum(checksum) : await this.#readBack();
    this.result = { checksum, checked, isVerified, untouched: Math.max(0, imageSize - size) };
  }

  /** @protected */
  async release() {
    await this.#durability.flushBeforeLeaving();
  }

  /** @protected @param {Failure} failure */
  explain(failure) {
    // The server tells what it has written of one request.
    return failure.kind === 'full' ? new Failure('full', this.done + Number(failure.detail)) : failure;
  }

  /** @protected @param {AbortSignal} signal */
  async reconnect(signal) {
    await this.api.options(signal);
    if (!this.#plan.sent.isEmpty) {
      await this.#durability.flush(signal);
    }
  }

  async #step() {
    const zero = this.#plan.takeZero(false);
    if (zero !== null) {
      await this.#sender.zero(zero);
    } else {
      const piece = this.#plan.nextPiece();
      if (piece !== null) {
        await this.#piece(piece);
      } else {
        const last = this.#plan.takeZero(true);
        if (last === null) {
          return false;
        }
        await this.#sender.zero(last);
      }
    }
    this.#durability.flushWhenDue();
    return true;
  }

  /** @param {Range} piece */
  async #piece(piece) {
    const bytes = await this.#read(piece);
    this.#plan.scanned.add(piece.start, piece.end);
    if (bytes === null) {
      this.#hasher.zero(piece);
      this.#foundZero(piece);
      return;
    }
    const hashes = this.#hasher.blocks(piece, bytes);
    for (const run of runsOf(bytes, piece.start)) {
      if (run.isZero) {
        this.#foundZero(run);
        continue;
      }
      for (const missing of this.#plan.missing(run)) {
        await this.#sender.data(missing, bytes.subarray(missing.start - piece.start, missing.end - piece.start), hashes);
      }
    }
    await Promise.all(hashes.values());
    this.#memory.push(bytes.buffer);
  }

  /** @param {Range} piece */
  async #read(piece) {
    const memory = this.#memory.pop() ?? new ArrayBuffer(PIECE);
    const bytes = await this.#job.source.read(piece.start, piece.end, memory);
    if (bytes === null) {
      this.#memory.push(memory);
    }
    return bytes;
  }

  /** @param {Range} range */
  #foundZero(range) {
    for (const there of this.#plan.foundZero(range)) {
      this.map.done(there, true);
      this.map.durable(there);
    }
  }

  /** @param {Range} range @param {boolean} isZero */
  #acknowledged(range, isZero) {
    this.acknowledged += isZero ? 0 : range.end - range.start;
    this.map.done(range, isZero);
    this.#durability.sent(range);
  }

  /** What an earlier visit sent must be what the file holds now. */
  async #hashEarlierPieces() {
    for (const piece of this.#plan.unseenPieces()) {
      await this.line.usable();
      const bytes = await this.#read(piece);
      if (bytes === null) {
        this.#hasher.zero(piece);
      } else {
        await Promise.all(this.#hasher.blocks(piece, bytes).values());
        this.#memory.push(bytes.buffer);
      }
    }
  }

  /** Compares by reading: where the file ends and something else follows, the server's checksum says nothing. */
  async #readBack() {
    const { size } = this.#plan;
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
    return true;
  }
}
