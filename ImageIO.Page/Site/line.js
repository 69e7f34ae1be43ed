// The connection to the server as a person sees it: there, or lost and tried again. All requests of a transfer go
// through here, so that one loss is one loss, however many requests it hit.

import { Failure, Interrupted } from './failure.js';

const SECOND = 1000;
const WAITS = [1, 2, 4, 8, 16, 30].map((seconds) => seconds * SECOND);
/** Not all browsers of an office at once. */
const JITTER = 0.2;
/** How often in a row a server may fail to do what it was asked before it is believed. */
const STORAGE_TRIES = 3;
/** A manager takes some time to install its tickets again behind a restart of the server. */
const RESTART_GRACE = 120 * SECOND;
/** Timers run each second; a larger gap means that the computer slept. */
const SLEEP = 15 * SECOND;

/** @typedef {{signal: AbortSignal, onProgress: () => void}} Attempt */

export class Line {
  /** Why it is lost. Null: it is not. @type {Failure | null} */ failure = null;
  /** When it is tried again, in milliseconds as Date.now() counts. */ retryAt = 0;

  /** @readonly */ #check;
  /** @readonly */ #onChange;
  /** @type {Map<AbortController, {heard: number}>} */ #active = new Map();
  /** Losses so far: who began before the last one need not wait for another. */ #losses = 0;
  #storageFailures = 0;
  #isPaused = false;
  #isStopped = false;
  /** @type {Promise<void> | null} */ #recovery = null;
  /** Ends a wait. @type {Set<() => void>} */ #wakers = new Set();
  #ticker = 0;
  #lastTick = 0;

  /**
   * @param {(signal: AbortSignal) => Promise<unknown>} check whether the server is there again, and what is to be set
   *   right with it first
   * @param {() => void} onChange
   */
  constructor(check, onChange) {
    this.#check = check;
    this.#onChange = onChange;
    this.#lastTick = Date.now();
    this.#ticker = setInterval(() => this.#tick(), SECOND);
  }

  /** Requests that run. */
  get connections() {
    return this.#active.size;
  }

  /**
   * Does some work on the line, once it is there. True: done. False: it was lost or paused meanwhile and may be tried
   * again. Throws what waiting does not mend.
   * @param {(attempt: Attempt) => Promise<unknown>} work
   */
  async attempt(work) {
    await this.usable();
    const losses = this.#losses;
    const controller = new AbortController();
    const state = { heard: performance.now() };
    this.#active.set(controller, state);
    try {
      await work({ signal: controller.signal, onProgress: () => { state.heard = performance.now(); } });
      this.#storageFailures = 0;
      return true;
    } catch (error) {
      this.#active.delete(controller);
      if (error instanceof Interrupted) {
        return false;
      }
      await this.#lost(Failure.of(error), losses);
      return false;
    } finally {
      this.#active.delete(controller);
    }
  }

  pause() {
    this.#isPaused = true;
    this.#interrupt(() => true);
    this.#onChange();
  }

  resume() {
    this.#isPaused = false;
    this.wake();
  }

  /** Whatever waits goes on at once. */
  wake() {
    for (const wake of [...this.#wakers]) {
      wake();
    }
  }

  /** Ends all that runs and waits, for good. */
  stop() {
    this.#isStopped = true;
    clearInterval(this.#ticker);
    this.#interrupt(() => true);
    this.wake();
  }

  /** Returns once it is there and nobody has paused. */
  async usable() {
    while (this.#isPaused || this.#recovery !== null) {
      this.#throwIfStopped();
      await (this.#isPaused ? this.#wait(Infinity) : this.#recovery);
    }
    this.#throwIfStopped();
  }

  #throwIfStopped() {
    if (this.#isStopped) {
      throw new Interrupted();
    }
  }

  /** @param {Failure} failure @param {number} losses when the work began */
  async #lost(failure, losses) {
    if (failure.kind === 'storage') {
      this.#storageFailures++;
    }
    // A browser sends a request again by itself whose connection was lost, and that may reach a server without the ticket.
    const isOfThatLoss = failure.kind === 'unknown' && (this.#recovery !== null || losses !== this.#losses);
    const mayPass = failure.isPassing || (failure.kind === 'storage' && this.#storageFailures < STORAGE_TRIES);
    if (!mayPass && !isOfThatLoss) {
      throw failure;
    }
    if (losses === this.#losses) {
      this.#recovery ??= this.#recover(failure).finally(() => { this.#recovery = null; });
    }
    await this.#recovery;
  }

  /** @param {Failure} first */
  async #recover(first) {
    const began = performance.now();
    let unknownSince = Infinity;
    this.failure = first;
    for (let i = 0; ; i++) {
      const wait = WAITS[Math.min(i, WAITS.length - 1)] * (1 - JITTER + 2 * JITTER * Math.random());
      this.retryAt = Date.now() + wait;
      this.#onChange();
      await this.#wait(wait);
      while (this.#isPaused && !this.#isStopped) {
        await this.#wait(Infinity);
      }
      this.#throwIfStopped();
      const error = await this.#probe();
      if (error === null) {
        break;
      }
      unknownSince = error.kind === 'unknown' ? Math.min(unknownSince, performance.now()) : Infinity;
      // Whatever came first: a server that stops may have failed to do something before it went.
      const isRestarting = performance.now() - unknownSince < RESTART_GRACE;
      const isFinal = error.kind === 'storage' ? ++this.#storageFailures >= STORAGE_TRIES : !error.isPassing && !isRestarting;
      if (isFinal) {
        throw error;
      }
      this.failure = error;
    }
    this.#losses++;
    this.failure = null;
    // What has not moved since then hangs on a connection that is gone.
    this.#interrupt((state) => state.heard < began);
    this.#onChange();
  }

  /** Null: the server is there. @returns {Promise<Failure | null>} */
  async #probe() {
    const controller = new AbortController();
    const state = { heard: Infinity };
    this.#active.set(controller, state);
    try {
      await this.#check(controller.signal);
      return null;
    } catch (error) {
      return error instanceof Interrupted ? new Failure('network') : Failure.of(error);
    } finally {
      this.#active.delete(controller);
    }
  }

  /** @param {(state: {heard: number}) => boolean} which */
  #interrupt(which) {
    for (const [controller, state] of [...this.#active]) {
      if (which(state)) {
        controller.abort(new Interrupted());
      }
    }
  }

  /** @param {number} time */
  #wait(time) {
    return new Promise((/** @type {(value: void) => void} */ resolve) => {
      const timer = time === Infinity ? 0 : setTimeout(() => wake(), time);
      const wake = () => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve();
      };
      this.#wakers.add(wake);
      if (this.#isStopped) {
        wake();
      }
    });
  }

  // Connections do not survive a sleep, but their end is told late or never.
  #tick() {
    const now = Date.now();
    if (now - this.#lastTick > SLEEP) {
      this.#interrupt(() => true);
      this.wake();
    }
    this.#lastTick = now;
  }
}
