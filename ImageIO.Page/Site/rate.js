// How fast it goes, and how long it will take.

const SECOND = 1000;
/** What is shown as the rate. */
const RECENT = 5 * SECOND;
/** What the time left is told by: longer, so that it does not jump. */
const STEADY = 30 * SECOND;

export class RateMeter {
  /** @type {{time: number, bytes: number}[]} */
  #samples = [];

  /** @param {number} time milliseconds @param {number} bytes done so far */
  add(time, bytes) {
    this.#samples.push({ time, bytes });
    while (this.#samples.length > 2 && this.#samples[1].time < time - STEADY) {
      this.#samples.shift();
    }
  }

  /** Forgets what was: after a pause. */
  reset() {
    this.#samples = [];
  }

  /** Bytes a second. */
  get rate() {
    return this.#over(RECENT);
  }

  /** Seconds. Null: there is no telling. @param {number} left bytes */
  timeLeft(left) {
    const rate = this.#over(STEADY);
    return rate > 0 && this.#samples.length > 4 ? left / rate : null;
  }

  /** @param {number} time */
  #over(time) {
    const last = this.#samples.at(-1);
    const first = this.#samples.find((sample) => last !== undefined && sample.time >= last.time - time);
    if (last === undefined || first === undefined || first === last) {
      return 0;
    }
    return Math.max(0, ((last.bytes - first.bytes) * SECOND) / (last.time - first.time));
  }
}
