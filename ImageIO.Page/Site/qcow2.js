// The content of a qcow2 file, at random and without trust: a damaged or hostile file ends in a sentence. The format:
// docs/interop/qcow2.txt of QEMU.

import { Failure } from './failure.js';
import { FileWindow } from './file-window.js';
import { inflate } from './inflate.js';
import { PIECE } from './plan.js';
import { readFile } from './source.js';

const SECTOR = 512;
const MAGIC = 0x514649fb;
/** What the newest header may be long, with room to grow. */
const HEADER = 4096;
/** As QEMU has it: the tables of an image of 2 EiB. */
const LARGEST_L1 = 32 * 1024 * 1024;
const SUBCLUSTERS = 32;

const DIRTY = 1n;
const CORRUPT = 2n;
const DATA_FILE = 4n;
const COMPRESSION_TYPE = 8n;
const EXTENDED_L2 = 16n;

const OFFSET = 0x00fffffffffffe00n;
const COMPRESSED = 1n << 62n;
const ZERO = 1n;

/**
 * @typedef {import('./source.js').Source} Source
 *
 * @typedef {object} Header
 * @property {number} version
 * @property {number} size of the disk
 * @property {number} clusterBits
 * @property {number} l1Offset
 * @property {number} l1Count entries that the file says it has
 * @property {boolean} hasExtendedL2
 *
 * @typedef {{start: number, end: number, at: number, compressed: number}} Part
 *   where it is in the disk, where in the file; compressed: bytes there, 0: as it is
 */

/** @param {string} why */
const damaged = (why) => new Failure('image', why);

/** The disk in a qcow2. @implements {Source} */
export class Qcow2Source {
  /** @readonly */ size;
  /** Bytes of the disk that are not known to be zero. */ dataSize = 0;
  /** @readonly */ version;
  /** @readonly */ #file;
  /** @readonly */ #window;
  /** @readonly */ #header;
  /** Where the tables of the second level are; 0: there is none. @type {Float64Array} */ #l1 = new Float64Array();

  /** @param {File} file @param {Header} header */
  constructor(file, header) {
    this.#file = file;
    this.#header = header;
    this.#window = new FileWindow(file);
    this.size = header.size;
    this.version = header.version;
  }

  /** Reads and checks all that says where data is. @param {File} file */
  static async open(file) {
    const head = await readFile(file, 0, Math.min(HEADER, file.size));
    const source = new Qcow2Source(file, parseHeader(head));
    await source.#load();
    return source;
  }

  /** @param {number} start @param {number} end @param {ArrayBuffer} memory @returns {Promise<Uint8Array<ArrayBuffer> | null>} */
  async read(start, end, memory) {
    const parts = await this.#parts(start, end);
    if (parts.length === 0) {
      return null;
    }
    const bytes = new Uint8Array(memory, 0, end - start).fill(0);
    for (const part of joined(parts)) {
      const target = part.start - start;
      if (part.compressed === 0) {
        bytes.set(await readFile(this.#file, part.at, part.at + part.end - part.start), target);
      } else {
        const cluster = await inflate(await this.#window.read(part.at, part.compressed), this.#clusterSize);
        const skipped = part.start % this.#clusterSize;
        bytes.set(cluster.subarray(skipped, skipped + part.end - part.start), target);
      }
    }
    return bytes;
  }

  /** @param {number} _start @param {number} _end @param {Uint8Array<ArrayBuffer>} bytes */
  body(_start, _end, bytes) {
    return new Blob([bytes]);
  }

  async check() {
    await readFile(this.#file, 0, 1);
  }

  get #clusterSize() {
    return 2 ** this.#header.clusterBits;
  }

  get #entrySize() {
    return this.#header.hasExtendedL2 ? 16 : 8;
  }

  /** Bytes of the disk that one table of the second level describes. */
  get #tableReach() {
    return (this.#clusterSize / this.#entrySize) * this.#clusterSize;
  }

  async #load() {
    const count = Math.ceil(this.size / this.#tableReach);
    const { l1Offset, l1Count } = this.#header;
    if (count > l1Count || count * 8 > LARGEST_L1 || l1Offset + count * 8 > this.#file.size) {
      throw damaged('Its first table is too short for its disk, or not all of it is there');
    }
    const table = new DataView((await this.#window.read(l1Offset, count * 8)).buffer);
    this.#l1 = Float64Array.from({ length: count }, (_, i) => this.#offset(table.getBigUint64(i * 8)));
    const seen = new Set([0]);
    for (const [i, offset] of this.#l1.entries()) {
      if (offset !== 0) {
        // So that going through all of them takes no longer than reading the file, whatever its header says.
        if (seen.has(offset)) {
          throw damaged('Two of its tables are one');
        }
        seen.add(offset);
        await this.#count(i * this.#tableReach, Math.min((i + 1) * this.#tableReach, this.size));
      }
    }
  }

  /** @param {number} start @param {number} end */
  async #count(start, end) {
    for (let at = start; at < end; at += PIECE) {
      for (const part of await this.#parts(at, Math.min(at + PIECE, end))) {
        this.dataSize += part.end - part.start;
      }
    }
  }

  /** An offset of a cluster, which must begin inside the file. @param {bigint} entry */
  #offset(entry) {
    const offset = Number(entry & OFFSET);
    if (offset % this.#clusterSize !== 0 || offset >= this.#file.size) {
      throw damaged('It names a place behind its own end: the file is incomplete or damaged');
    }
    return offset;
  }

  /** Where the data of a range is; what is left out is zero. @param {number} start @param {number} end @returns {Promise<Part[]>} */
  async #parts(start, end) {
    const parts = [];
    const size = this.#clusterSize;
    for (let at = start; at < end;) {
      const table = this.#l1[Math.floor(at / this.#tableReach)];
      const tableEnd = (Math.floor(at / this.#tableReach) + 1) * this.#tableReach;
      const until = Math.min(end, tableEnd);
      if (table !== 0) {
        const first = Math.floor((at % this.#tableReach) / size);
        const count = Math.ceil(((until - 1) % this.#tableReach + 1) / size) - first;
        if (table + size > this.#file.size) {
          throw damaged('One of its tables is not all there: the file is incomplete');
        }
        const bytes = await this.#window.read(table + first * this.#entrySize, count * this.#entrySize);
        const entries = new DataView(bytes.buffer);
        for (let i = 0; i < count; i++) {
          const cluster = Math.floor(at / size) * size;
          parts.push(...this.#cluster(entries, i * this.#entrySize, at, Math.min(cluster + size, until)));
          at = cluster + size;
        }
      }
      at = until;
    }
    return parts;
  }

  /** @param {DataView} entries @param {number} position @param {number} start @param {number} end @returns {Part[]} */
  #cluster(entries, position, start, end) {
    const entry = entries.getBigUint64(position);
    if ((entry & COMPRESSED) !== 0n) {
      return [this.#compressed(entry, start, end)];
    }
    const offset = this.#offset(entry);
    const isZero = (entry & ZERO) !== 0n && this.#header.version >= 3;
    if (this.#header.hasExtendedL2) {
      return this.#subclusters(entries.getBigUint64(position + 8), offset, start, end);
    }
    return offset === 0 || isZero ? [] : [this.#plain(offset, start, end)];
  }

  /** @param {number} offset of the cluster @param {number} start @param {number} end @returns {Part} */
  #plain(offset, start, end) {
    const at = offset + (start % this.#clusterSize);
    if (at + end - start > this.#file.size) {
      throw damaged('Some of its data is missing at the end: the file is incomplete');
    }
    return { start, end, at, compressed: 0 };
  }

  /** @param {bigint} entry @param {number} start @param {number} end @returns {Part} */
  #compressed(entry, start, end) {
    const bits = BigInt(62 - (this.#header.clusterBits - 8));
    const at = Number(entry & ((1n << bits) - 1n));
    const sectors = Number((entry & (COMPRESSED - 1n)) >> bits) + 1;
    if (at >= this.#file.size) {
      throw damaged('It names a place behind its own end: the file is incomplete or damaged');
    }
    return { start, end, at, compressed: sectors * SECTOR - (at % SECTOR) };
  }

  /** @param {bigint} bitmap @param {number} offset @param {number} start @param {number} end @returns {Part[]} */
  #subclusters(bitmap, offset, start, end) {
    const parts = [];
    const size = this.#clusterSize / SUBCLUSTERS;
    for (let at = start; at < end;) {
      const index = BigInt(Math.floor((at % this.#clusterSize) / size));
      const next = Math.min(end, Math.floor(at / size) * size + size);
      const isAllocated = (bitmap >> index & 1n) !== 0n;
      const isZero = (bitmap >> (index + 32n) & 1n) !== 0n;
      if (isAllocated && (isZero || offset === 0)) {
        throw damaged('One of its tables contradicts itself');
      }
      if (isAllocated) {
        parts.push(this.#plain(offset, at, next));
      }
      at = next;
    }
    return parts;
  }
}

/** Neighbours in disk and file as one, so that a piece is read at once. @param {Part[]} parts */
function joined(parts) {
  /** @type {Part[]} */
  const result = [];
  for (const part of parts) {
    const last = result.at(-1);
    if (last !== undefined && last.compressed === 0 && part.compressed === 0
      && last.end === part.start && last.at + last.end - last.start === part.at) {
      last.end = part.end;
    } else {
      result.push({ ...part });
    }
  }
  return result;
}

/** @param {Uint8Array} head @returns {Header} */
export function parseHeader(head) {
  if (head.length < 72) {
    throw damaged('It ends inside its header');
  }
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const version = view.getUint32(4);
  if (view.getUint32(0) !== MAGIC || (version !== 2 && version !== 3)) {
    throw damaged(`It is of version ${version}; versions 2 and 3 can be unpacked here`);
  }
  if (view.getBigUint64(8) !== 0n) {
    throw damaged('It holds only what differs from another file, its backing file');
  }
  if (view.getUint32(32) !== 0) {
    throw damaged('It is encrypted');
  }
  const clusterBits = view.getUint32(20);
  const size = Number(view.getBigUint64(24));
  if (clusterBits < 9 || clusterBits > 21 || !Number.isSafeInteger(size)) {
    throw damaged('Its header says what cannot be');
  }
  return {
    version,
    size,
    clusterBits,
    l1Count: view.getUint32(36),
    l1Offset: Number(view.getBigUint64(40)),
    hasExtendedL2: version >= 3 && hasExtendedL2(view, clusterBits),
  };
}

/** Checks what a reader must know about, of version 3. @param {DataView} view @param {number} clusterBits */
function hasExtendedL2(view, clusterBits) {
  if (view.byteLength < 104 || view.getUint32(100) < 104) {
    throw damaged('It ends inside its header');
  }
  const features = view.getBigUint64(72);
  if ((features & ~(DIRTY | CORRUPT | DATA_FILE | COMPRESSION_TYPE | EXTENDED_L2)) !== 0n) {
    throw damaged('It needs features that are not known here');
  }
  if ((features & CORRUPT) !== 0n) {
    throw damaged('It is marked as corrupt; qemu-img check can repair it');
  }
  if ((features & DATA_FILE) !== 0n) {
    throw damaged('Its data is in another file');
  }
  const compression = view.getUint32(100) > 104 ? view.getUint8(104) : 0;
  if ((features & COMPRESSION_TYPE) !== 0n || compression !== 0) {
    throw damaged('It is compressed by zstd, which browsers do not know');
  }
  const isExtended = (features & EXTENDED_L2) !== 0n;
  if (isExtended && clusterBits < 14) {
    throw damaged('Its header says what cannot be');
  }
  return isExtended;
}
