// When sent bytes count (the rules of client.md section 6): a range is durable when a flush that began after its answer has
// succeeded. A browser does not say which connection a request takes, so a server that is not known to remember what it lost
// is told to flush with each request.

import { Failure } from './failure.js';

const SECOND = 1000;
const FLUSH_EVERY_BYTES = 1024 ** 3;
/** What a reload loses is no more than was sent in this time. */
const FLUSH_EVERY = 5 * SECOND;
/** What a person who leaves, or a failure that is to be told, can wait for. */
const LAST_FLUSH = 5 * SECOND;

/**
 * @typedef {import('./ranges.js').Range} Range
 * @typedef {object} Parts
 * @property {import('./api.js').ImageApi} api
 * @property {import('./api.js').Facts} facts
 * @property {import('./line.js').Line} line
 * @property {import('./plan.js').UploadPlan} plan
 * @property {import('./image-map.js').ImageMap} map
 * @property {(durable: import('./ranges.js').RangeSet) => void} onDurable
 */

export class Durability {
  /** @readonly */ #parts;
  #unflushed = 0;
  #lastFlush = Date.now();
  /** @type {Promise<boolean> | null} */ #flushing = null;
  #lostFlushes = 0;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** How a request is to flush; null: the server knows no such thing. */
  get flushOfRequests() {
    const { facts } = this.#parts;
    return facts.canFlush ? !facts.remembersLosses : null;
  }

  /** A range was answered by success. @param {Range} range */
  sent(range) {
    const { facts, plan, map, onDurable } = this.#parts;
    if (facts.remembersLosses) {
      plan.sent.add(range.start, range.end);
      this.#unflushed += range.end - range.start;
    } else {
      plan.durable.add(range.start, range.end);
      map.durable(range);
      onDurable(plan.durable);
    }
  }

  /** Begins a flush, unless one is on its way or there is no need. */
  flushWhenDue() {
    const isDue = this.#unflushed >= FLUSH_EVERY_BYTES || Date.now() - this.#lastFlush >= FLUSH_EVERY;
    if (isDue && this.#flushing === null && !this.#parts.plan.sent.isEmpty) {
      this.#flushing = this.#parts.line.attempt(({ signal }) => this.flush(signal))
        // What cannot be mended fails at the end as well.
        .catch(() => false)
        .finally(() => { this.#flushing = null; });
    }
  }

  /** Flushes until nothing is left that was sent and is not durable: it is that, or to be sent again. */
  async flushAll() {
    await this.#flushing;
    while (!this.#parts.plan.sent.isEmpty) {
      await this.#parts.line.attempt(({ signal }) => this.flush(signal));
    }
  }

  /** For who is about to leave, on a line that may be paused or given up. */
  async flushBeforeLeaving() {
    if (!this.#parts.plan.sent.isEmpty) {
      await this.flush(AbortSignal.timeout(LAST_FLUSH)).catch(() => {});
    }
  }

  /** Makes durable what was sent; or, when the server says that it is lost, has it sent again, once. @param {AbortSignal} signal */
  async flush(signal) {
    const { api, plan, map, onDurable } = this.#parts;
    const covered = plan.sent.clone();
    this.#unflushed = 0;
    this.#lastFlush = Date.now();
    try {
      await api.flush(signal);
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'storage' || ++this.#lostFlushes > 1) {
        throw error;
      }
      for (const range of plan.sent) {
        map.lost(range);
      }
      plan.lost();
      return;
    }
    this.#lostFlushes = 0;
    for (const range of covered) {
      map.durable(range);
    }
    plan.flushed(covered);
    onDurable(plan.durable);
  }
}
