// Sets of half-open ranges of bytes, [start, end).

/** @typedef {{start: number, end: number}} Range */

/** Ranges in order, without overlap; neighbours are one. */
export class RangeSet {
  /** @type {number[]} start, end, start, end, … */
  #bounds;

  /** @param {readonly number[]} bounds start, end, start, end, … in order, as toArray() gives them */
  constructor(bounds = []) {
    this.#bounds = [...bounds];
  }

  /** Bytes in all. */
  get total() {
    let total = 0;
    for (let i = 0; i < this.#bounds.length; i += 2) {
      total += this.#bounds[i + 1] - this.#bounds[i];
    }
    return total;
  }

  get isEmpty() {
    return this.#bounds.length === 0;
  }

  /** @param {number} start @param {number} end */
  add(start, end) {
    if (start < end) {
      this.#splice(start, end, true);
    }
  }

  /** @param {number} start @param {number} end */
  remove(start, end) {
    if (start < end) {
      this.#splice(start, end, false);
    }
  }

  /** @param {RangeSet} other */
  addAll(other) {
    for (const range of other) {
      this.add(range.start, range.end);
    }
  }

  /** @param {RangeSet} other */
  removeAll(other) {
    for (const range of other) {
      this.remove(range.start, range.end);
    }
  }

  clear() {
    this.#bounds = [];
  }

  clone() {
    return new RangeSet(this.#bounds);
  }

  toArray() {
    return [...this.#bounds];
  }

  /** Whether all of a range is in the set. @param {number} start @param {number} end */
  contains(start, end) {
    const at = this.#firstBoundAfter(start);
    return start >= end || (at % 2 === 1 && this.#bounds[at] >= end);
  }

  /** What of a range is in the set. @param {number} start @param {number} end @returns {Range[]} */
  within(start, end) {
    const found = [];
    for (let i = this.#firstBoundAfter(start) & ~1; i < this.#bounds.length && this.#bounds[i] < end; i += 2) {
      found.push({ start: Math.max(start, this.#bounds[i]), end: Math.min(end, this.#bounds[i + 1]) });
    }
    return found;
  }

  /** What of a range is not in the set. @param {number} start @param {number} end @returns {Range[]} */
  missing(start, end) {
    const gaps = [];
    let at = start;
    for (const range of this.within(start, end)) {
      if (range.start > at) {
        gaps.push({ start: at, end: range.start });
      }
      at = range.end;
    }
    if (at < end) {
      gaps.push({ start: at, end });
    }
    return gaps;
  }

  /** @returns {Iterator<Range>} */
  *[Symbol.iterator]() {
    for (let i = 0; i < this.#bounds.length; i += 2) {
      yield { start: this.#bounds[i], end: this.#bounds[i + 1] };
    }
  }

  /** Index of the first bound above a position; odd: the position is inside a range. @param {number} position */
  #firstBoundAfter(position) {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#bounds[middle] > position) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  /** @param {number} start @param {number} end @param {boolean} isIn */
  #splice(start, end, isIn) {
    // Bounds from start to end go; a bound at each side stays where the membership changes there.
    let from = this.#firstBoundAfter(start - 0.5);
    const isInBefore = from % 2 === 1;
    const to = this.#firstBoundAfter(end);
    const isInAfter = to % 2 === 1;
    const bounds = [];
    if (isInBefore !== isIn) {
      bounds.push(start);
    }
    if (isInAfter !== isIn) {
      bounds.push(end);
    }
    this.#bounds.splice(from, to - from, ...bounds);
  }
}
