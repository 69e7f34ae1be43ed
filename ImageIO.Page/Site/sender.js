// Puts bytes and zeroes where they belong, in requests that are as large as the link bears.

import { Failure } from './failure.js';
import { sha256, toContentDigest } from './hashes.js';
import { BLOCK } from './plan.js';

/** What a bad link still gets done, and the first requests. */
const SMALLEST_UNIT = 1024 * 1024;
const SECOND = 1000;
/** What a reload or a cut may cost: a request that takes longer is too large for the link. */
const LONG = 4 * SECOND;

/**
 * @typedef {import('./ranges.js').Range} Range
 * @typedef {object} Parts
 * @property {import('./api.js').ImageApi} api
 * @property {import('./line.js').Line} line
 * @property {import('./image-map.js').ImageMap} map
 * @property {import('./source.js').Source} source
 * @property {boolean} canZero whether the server can zero without being sent zeroes
 * @property {boolean | null} flush how each request is to flush
 * @property {(range: Range, isZero: boolean) => void} acknowledged
 */

export class Sender {
  /** @readonly */ #parts;
  /** Bytes of requests that run, by request. @type {Map<object, number>} */ #moving = new Map();
  /** The most that one request sends. */ #unit = SMALLEST_UNIT;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Bytes on their way. */
  get moving() {
    let sum = 0;
    for (const bytes of this.#moving.values()) {
      sum += bytes;
    }
    return sum;
  }

  /**
   * @param {Range} range @param {Uint8Array<ArrayBuffer>} bytes
   * @param {Map<number, Promise<Uint8Array>>} hashes of blocks, by where they start
   */
  async data({ start, end }, bytes, hashes) {
    let hadDigestTrouble = false;
    for (let at = start; at < end;) {
      // Cut at blocks: their hashes are there already.
      const range = { start: at, end: Math.min(at + this.#unit, at + BLOCK - (at % BLOCK), end) };
      const part = bytes.subarray(range.start - start, range.end - start);
      const began = performance.now();
      const known = part.length === BLOCK ? await hashes.get(range.start) : undefined;
      try {
        if (await this.#put(range, this.#parts.source.body(range.start, range.end, part), known ?? await sha256(part))) {
          this.#adapt(performance.now() - began);
          this.#parts.acknowledged(range, false);
          at = range.end;
        } else {
          this.#adapt(Infinity);
          // A body that cannot be read fails like a connection.
          await this.#parts.source.check();
        }
      } catch (error) {
        if (hadDigestTrouble || !(error instanceof Failure) || error.kind !== 'digest') {
          throw error;
        }
        hadDigestTrouble = true;
      }
    }
  }

  /** @param {Range} range */
  async zero(range) {
    const { api, line, map, canZero, flush } = this.#parts;
    if (!canZero) {
      await this.#sendZeroes(range);
      return;
    }
    while (!await line.attempt(({ signal }) => map.while(range, () => api.zero(range, flush === true, signal)))) {
      // Lost or paused, and back.
    }
    this.#parts.acknowledged(range, true);
  }

  /** To a server that cannot do it alone. @param {Range} range */
  async #sendZeroes({ start, end }) {
    for (let at = start; at < end; at += BLOCK) {
      const range = { start: at, end: Math.min(end, at + BLOCK) };
      const bytes = new Uint8Array(range.end - range.start);
      const digest = await sha256(bytes);
      while (!await this.#put(range, new Blob([bytes]), digest)) {
        // Lost or paused, and back.
      }
      this.#parts.acknowledged(range, true);
    }
  }

  /** Twice as much after what went fast, half of it after a cut and what went slowly. @param {number} time */
  #adapt(time) {
    if (time < SECOND) {
      this.#unit = Math.min(BLOCK, this.#unit * 2);
    } else if (time > LONG) {
      this.#unit = Math.max(SMALLEST_UNIT, this.#unit / 2);
    }
  }

  /** @param {Range} range @param {Blob} body @param {Uint8Array} hash */
  async #put(range, body, hash) {
    const { api, line, map, flush } = this.#parts;
    const request = {};
    try {
      return await line.attempt(({ signal, onProgress }) => map.while(range, () => api.put(range.start, body, {
        flush,
        digest: toContentDigest(hash),
        signal,
        onProgress: (sent) => {
          onProgress();
          this.#moving.set(request, Math.min(sent, body.size));
        },
      })));
    } finally {
      this.#moving.delete(request);
    }
  }
}
