// What upload and download share: the workers that move pieces in parallel, pause and the like, and what is told of it.

import { Failure, Interrupted } from './failure.js';
import { ImageMap } from './image-map.js';
import { Line } from './line.js';
import { BLOCK } from './plan.js';
import { RateMeter } from './rate.js';

const SECOND = 1000;
const MOST_LANES = 4;
const TELL_EVERY = SECOND / 5;
/** A ticket lives as long as it is used; managers cancel what idles for a minute. */
const SIGN_OF_LIFE = 20 * SECOND;

/**
 * @typedef {'running' | 'paused' | 'offline' | 'verifying' | 'done' | 'failed'} Phase
 * @typedef {object} Progress
 * @property {Phase} phase
 * @property {number} done bytes
 * @property {number} size
 * @property {number} rate bytes a second
 * @property {number | null} timeLeft seconds
 * @property {number} connections
 * @property {number} retryAt when a lost connection is tried again, in milliseconds
 * @property {Failure | null} failure
 * @property {number} sent bytes that servers acknowledged
 * @property {Uint8Array<ArrayBuffer>} cells of the map
 * @property {Result | null} result
 *
 * @typedef {object} Result
 * @property {string} checksum
 * @property {number} checked bytes that the checksum covers
 * @property {boolean} isVerified whether the server's checksum says the same
 * @property {number} untouched bytes behind the upload's end
 */

/** One transfer, from its start to its end. */
export class Transfer {
  /** @protected @readonly */ api;
  /** @protected @readonly */ facts;
  /** @protected @readonly */ line;
  /** @protected @readonly */ map;
  /** @type {Result | null} @protected */ result = null;
  /** Bytes that servers acknowledged. @protected */ acknowledged = 0;
  /** @readonly */ #tell;
  #rate = new RateMeter();
  /** @type {Phase} */ #phase = 'running';
  /** @type {Failure | null} */ #failure = null;
  #isPaused = false;
  #isCancelled = false;
  #teller = 0;
  #lifeSign = 0;

  /**
   * @param {import('./api.js').ImageApi} api
   * @param {import('./api.js').Facts} facts
   * @param {number} size bytes that the map shows
   * @param {(progress: Progress) => void} tell
   */
  constructor(api, facts, size, tell) {
    this.api = api;
    this.facts = facts;
    this.map = new ImageMap(size);
    this.#tell = tell;
    this.line = new Line((signal) => this.reconnect(signal), () => this.tell());
  }

  /** Moves everything. True: and proved it. Never throws: how it ended is told. */
  async run() {
    this.#teller = setInterval(() => this.tell(), TELL_EVERY);
    this.#lifeSign = setInterval(() => this.#showLife(), SIGN_OF_LIFE);
    try {
      await this.move();
      this.#phase = 'verifying';
      this.tell();
      await this.verify();
      this.map.verified();
      this.#phase = 'done';
    } catch (error) {
      this.#failure ??= this.explain(Failure.of(error));
      this.#phase = 'failed';
    }
    this.line.stop();
    clearInterval(this.#teller);
    clearInterval(this.#lifeSign);
    await this.release();
    this.tell();
    return this.#phase === 'done';
  }

  pause() {
    this.#isPaused = true;
    this.#rate.reset();
    this.line.pause();
  }

  resume() {
    this.#isPaused = false;
    this.line.resume();
    this.tell();
  }

  /** The network is said to be back, or the person does not want to wait. */
  wake() {
    if (!this.#isPaused) {
      this.line.wake();
    }
  }

  cancel() {
    this.#isCancelled = true;
    this.line.stop();
  }

  /** Moves all bytes. @protected @returns {Promise<void>} */
  move() {
    throw new Error('abstract');
  }

  /** Proves that they arrived, and sets the result. @protected @returns {Promise<void>} */
  verify() {
    throw new Error('abstract');
  }

  /** Whether the server is there again, and what is to be set right first. @protected @param {AbortSignal} signal @returns {Promise<unknown>} */
  reconnect(signal) {
    return this.api.options(signal);
  }

  /** What more is known about a failure. @protected @param {Failure} failure @returns {Failure} */
  explain(failure) {
    return failure;
  }

  /** Gives back what it holds, however it ended. @protected @returns {Promise<void>} */
  async release() {
    // Nothing here.
  }

  /** Bytes done. @protected @returns {number} */
  get done() {
    return 0;
  }

  /**
   * Runs as many workers as pay, each until there is nothing more to do. The first failure ends all.
   * @protected @param {number} most that the server wants @param {() => Promise<boolean>} step false: nothing more to do
   */
  async inParallel(most, step) {
    /** @type {unknown} */
    let failure = null;
    const lane = async () => {
      try {
        while (failure === null && await step()) {
          // One step after the other.
        }
      } catch (error) {
        // What failed first is the reason; the others are only stopped.
        if (failure === null || failure instanceof Interrupted) {
          failure = error;
        }
        this.line.stop();
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, Math.min(MOST_LANES, most)) }, lane));
    if (failure !== null) {
      throw failure;
    }
  }

  /** Repeats what a lost line makes fail. @protected @param {(attempt: import('./line.js').Attempt) => Promise<unknown>} work */
  async untilDone(work) {
    while (!await this.line.attempt(work)) {
      // Lost or paused, and back.
    }
  }

  /**
   * Compares with the checksum of what the server has. False: it has none to tell.
   * @protected @param {string} ours
   */
  async compareChecksum(ours) {
    if (!this.facts.hasChecksum) {
      return false;
    }
    let theirs = '';
    await this.untilDone(async ({ signal }) => { theirs = await this.api.checksum(BLOCK, signal); });
    if (theirs !== ours) {
      throw new Failure('mismatch', `${ours} ${theirs}`);
    }
    return true;
  }

  /** @protected */
  tell() {
    if (this.#isCancelled) {
      return;
    }
    const phase = this.#visiblePhase();
    if (phase === 'running') {
      this.#rate.add(Date.now(), this.done);
    }
    this.#tell({
      phase,
      done: this.done,
      size: this.map.size,
      rate: this.#rate.rate,
      timeLeft: this.#rate.timeLeft(this.map.size - this.done),
      connections: this.line.connections,
      retryAt: this.line.retryAt,
      failure: this.#failure ?? this.line.failure,
      sent: this.acknowledged,
      cells: this.map.cells(),
      result: this.result,
    });
  }

  /** @returns {Phase} */
  #visiblePhase() {
    if (this.#phase === 'done' || this.#phase === 'failed') {
      return this.#phase;
    }
    if (this.#isPaused) {
      return 'paused';
    }
    return this.line.failure === null ? this.#phase : 'offline';
  }

  // While nothing moves: paused, or while the server goes through a large image.
  async #showLife() {
    if (!this.#isPaused && this.#phase !== 'verifying') {
      return;
    }
    try {
      await this.api.options();
    } catch (error) {
      const failure = Failure.of(error);
      if (this.#isPaused && !failure.isPassing && failure.kind !== 'storage') {
        this.#failure = failure;
        this.#phase = 'failed';
        this.line.stop();
        this.tell();
      }
    }
  }
}
