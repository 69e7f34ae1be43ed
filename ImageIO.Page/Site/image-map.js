// What the map of an image shows: a cell for each part of it.

/** @typedef {import('./ranges.js').Range} Range */

/** States of a cell, as they are drawn. */
export const CELL = Object.freeze({ todo: 0, moving: 1, written: 2, durable: 3, zero: 4, verified: 5 });

const MOST_CELLS = 640;
const SMALLEST_CELL = 64 * 1024;

export class ImageMap {
  /** @readonly */ size;
  /** Bytes that a cell stands for. @readonly */ cellSize;
  /** @readonly */ count;
  #isVerified = false;
  /** Bytes done, by cell; of them data; of them durable. */ #done; #data; #durable;
  /** Requests that move bytes, by cell. */ #moving;

  /** @param {number} size bytes */
  constructor(size) {
    this.size = size;
    this.cellSize = Math.max(SMALLEST_CELL, Math.ceil(size / MOST_CELLS / SMALLEST_CELL) * SMALLEST_CELL);
    this.count = Math.ceil(size / this.cellSize);
    this.#done = new Float64Array(this.count);
    this.#data = new Float64Array(this.count);
    this.#durable = new Float64Array(this.count);
    this.#moving = new Int32Array(this.count);
  }

  /** Shows that a range is on its way, while something runs. @template T @param {Range} range @param {() => Promise<T>} work */
  async while(range, work) {
    this.#each(range, (cell) => { this.#moving[cell]++; });
    try {
      return await work();
    } finally {
      this.#each(range, (cell) => { this.#moving[cell]--; });
    }
  }

  /** @param {Range} range @param {boolean} isZero */
  done(range, isZero) {
    this.#each(range, (cell, bytes) => {
      this.#done[cell] += bytes;
      this.#data[cell] += isZero ? 0 : bytes;
    });
  }

  /** @param {Range} range */
  durable(range) {
    this.#each(range, (cell, bytes) => { this.#durable[cell] += bytes; });
  }

  /** What was done there does not count any more. @param {Range} range */
  lost(range) {
    this.#each(range, (cell, bytes) => {
      this.#done[cell] = Math.max(0, this.#done[cell] - bytes);
      this.#data[cell] = Math.max(0, this.#data[cell] - bytes);
    });
  }

  verified() {
    this.#isVerified = true;
  }

  /** @returns {Uint8Array<ArrayBuffer>} a CELL for each */
  cells() {
    const cells = new Uint8Array(this.count);
    for (let i = 0; i < this.count; i++) {
      cells[i] = this.#cell(i);
    }
    return cells;
  }

  /** @param {number} i */
  #cell(i) {
    const size = Math.min(this.cellSize, this.size - i * this.cellSize);
    if (this.#done[i] < size) {
      return this.#moving[i] > 0 ? CELL.moving : CELL.todo;
    }
    if (this.#data[i] === 0) {
      return CELL.zero;
    }
    if (this.#isVerified) {
      return CELL.verified;
    }
    return this.#durable[i] >= size ? CELL.durable : CELL.written;
  }

  /** @param {Range} range @param {(cell: number, bytes: number) => void} change */
  #each({ start, end }, change) {
    for (let at = start; at < end;) {
      const cell = Math.floor(at / this.cellSize);
      const next = Math.min(end, (cell + 1) * this.cellSize);
      change(cell, next - at);
      at = next;
    }
  }
}
