// The requests on one image. Each ends in what was asked for, or in a Failure.

import { extentsOf } from './extents.js';
import { Failure } from './failure.js';
import { imagePath } from './link.js';

const SECOND = 1000;
/** No byte has moved for so long: the connection is dead. */
export const SILENCE = 60 * SECOND;
const QUICK = 15 * SECOND;
/** Storage may take so long to flush, to zero, or to go through a whole image. */
const SLOW = 30 * 60 * SECOND;

/**
 * @typedef {object} Facts what a link allows
 * @property {number} size bytes that may be written, or read
 * @property {string | null} filename
 * @property {number | null} expiresIn seconds
 * @property {boolean} canRead
 * @property {boolean} canWrite
 * @property {number} readers connections that pay
 * @property {number} writers
 * @property {boolean} canZero
 * @property {boolean} canFlush
 * @property {boolean} hasExtents
 * @property {boolean} hasChecksum
 * @property {boolean} remembersLosses whether a flush fails when what was written before it is lost, also after a new
 *   connection: ImageIO does, others are not known to
 */

export class ImageApi {
  /** @readonly */ #url;
  /** @type {Record<string, string>} @readonly */ #headers;

  /** @param {import('./link.js').Link} link */
  constructor(link) {
    this.#url = imagePath(link);
    this.#headers = link.signed === null ? {} : { Authorization: `Bearer ${link.signed}` };
  }

  /** What the link allows; also a sign of life that keeps it valid. @param {AbortSignal} [signal] @returns {Promise<Facts>} */
  async options(signal) {
    const response = await this.#fetch('', { method: 'OPTIONS' }, QUICK, signal);
    const text = await this.#body(response, signal);
    const answer = text.startsWith('{') ? JSON.parse(text) : {};
    const features = answer.features ?? [];
    const ops = answer.ops ?? [];
    const canWrite = (response.headers.get('Allow') ?? '').includes('PUT');
    return {
      size: Number(answer.size ?? await this.#sizeOtherwise(features, signal)),
      filename: answer.filename ?? null,
      expiresIn: answer.expires_in ?? null,
      canRead: ops.length === 0 ? !canWrite : ops.includes('read'),
      canWrite,
      readers: Number(answer.max_readers ?? 1),
      writers: Number(answer.max_writers ?? 1),
      canZero: features.includes('zero'),
      canFlush: features.includes('flush'),
      hasExtents: features.includes('extents'),
      hasChecksum: features.includes('checksum'),
      remembersLosses: answer.expires_in !== undefined,
    };
  }

  /** @param {AbortSignal} [signal] @returns {AsyncGenerator<import('./extents.js').Extent>} */
  async *extents(signal) {
    const response = await this.#fetch('/extents', {}, SLOW, signal);
    try {
      yield* extentsOf(/** @type {ReadableStream<Uint8Array>} */ (response.body));
    } catch (error) {
      throw this.#broken(error, signal);
    }
  }

  /** The checksum of the image that the server has. @param {number} blockSize @param {AbortSignal} [signal] */
  async checksum(blockSize, signal) {
    const response = await this.#fetch(`/checksum?algorithm=sha256&block_size=${blockSize}`, {}, SLOW, signal);
    const answer = JSON.parse(await this.#body(response, signal));
    if (answer.algorithm !== 'sha256' || answer.block_size !== blockSize || typeof answer.checksum !== 'string') {
      throw new Failure('storage', 'The server answered another checksum than it was asked for');
    }
    return /** @type {string} */ (answer.checksum);
  }

  /** @param {AbortSignal} [signal] */
  flush(signal) {
    return this.#patch({ op: 'flush' }, signal);
  }

  /** @param {import('./ranges.js').Range} range @param {boolean} flush @param {AbortSignal} [signal] */
  zero(range, flush, signal) {
    return this.#patch({ op: 'zero', offset: range.start, size: range.end - range.start, flush }, signal);
  }

  /**
   * Writes bytes. Not by fetch, which does not tell how far it is.
   * @param {number} start where
   * @param {Blob} body
   * @param {{flush: boolean | null, digest: string, signal: AbortSignal, onProgress: (sent: number) => void}} how
   *   flush null: the server knows no such thing
   * @returns {Promise<void>}
   */
  put(start, body, { flush, digest, signal, onProgress }) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const request = new XMLHttpRequest();
      const query = flush === null ? '' : `?flush=${flush ? 'y' : 'n'}`;
      request.open('PUT', this.#url + query);
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.setRequestHeader('Content-Range', `bytes ${start}-${start + body.size - 1}/*`);
      request.setRequestHeader('Content-Digest', digest);
      for (const [name, value] of Object.entries(this.#headers)) {
        request.setRequestHeader(name, value);
      }
      let patience = SILENCE;
      const isSilent = () => giveUp(new Failure('silent'));
      let timer = setTimeout(isSilent, patience);
      const heard = () => {
        clearTimeout(timer);
        timer = setTimeout(isSilent, patience);
      };
      const onAbort = () => giveUp(signal.reason);
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      /** @param {unknown} reason */
      const giveUp = (reason) => {
        settle();
        reject(reason);
        request.abort();
      };
      signal.addEventListener('abort', onAbort);
      request.upload.onprogress = (event) => {
        heard();
        onProgress(event.loaded);
      };
      request.upload.onload = () => {
        patience = flush === false ? SILENCE : SLOW;
        heard();
      };
      request.onerror = () => giveUp(new Failure('network'));
      request.onload = () => {
        settle();
        if (request.status === 200) {
          resolve();
        } else if (request.status === 400 && /digest/i.test(request.responseText)) {
          reject(new Failure('digest', request.responseText.trim()));
        } else {
          reject(Failure.ofAnswer(request.status, request.responseText));
        }
      };
      request.send(body);
    });
  }

  /**
   * Reads a range into memory, from where an earlier try has ended on.
   * @param {number} start where in the image the memory begins
   * @param {{bytes: Uint8Array, filled: number}} target
   * @param {{signal: AbortSignal, onProgress: () => void}} how
   */
  async read(start, target, { signal, onProgress }) {
    if (target.filled === target.bytes.length) {
      return;
    }
    const from = start + target.filled;
    const last = start + target.bytes.length - 1;
    const silence = new AbortController();
    let timer = 0;
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(new Failure('silent')), SILENCE);
    };
    try {
      heard();
      const both = AbortSignal.any([signal, silence.signal]);
      const response = await this.#fetch('', { headers: { Range: `bytes=${from}-${last}` } }, SLOW, both);
      const promised = response.headers.get('Content-Range') ?? '';
      if (response.status !== 206 || !promised.startsWith(`bytes ${from}-${last}/`)) {
        throw new Failure('storage', `The server answered ${response.status} ${promised} to a request for bytes ${from}-${last}`);
      }
      const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        if (target.filled + next.value.length > target.bytes.length) {
          throw new Failure('storage', 'The server sent more than it was asked for');
        }
        target.bytes.set(next.value, target.filled);
        target.filled += next.value.length;
        heard();
        onProgress();
      }
    } catch (error) {
      throw silence.signal.aborted ? silence.signal.reason : this.#broken(error, signal);
    } finally {
      clearTimeout(timer);
    }
    if (target.filled < target.bytes.length) {
      throw new Failure('network');
    }
  }

  /** Where an ordinary link downloads from. A signed ticket cannot go along; a session can (proxy-api section 2). */
  async downloadUrl() {
    if (this.#headers.Authorization === undefined) {
      return this.#url;
    }
    const response = await this.#request('/sessions/', { method: 'POST', headers: this.#headers }, QUICK);
    return `${this.#url}?session_id=${encodeURIComponent(response.headers.get('Session-Id') ?? '')}`;
  }

  /** @param {object} body @param {AbortSignal} [signal] */
  async #patch(body, signal) {
    await this.#fetch('', { method: 'PATCH', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }, SLOW, signal);
  }

  /** Of servers that do not say. @param {string[]} features @param {AbortSignal} [signal] */
  async #sizeOtherwise(features, signal) {
    if (features.includes('extents')) {
      let end = 0;
      for await (const extent of this.extents(signal)) {
        end = extent.start + extent.length;
      }
      return end;
    }
    const response = await this.#fetch('', { method: 'HEAD' }, QUICK, signal);
    return Number(response.headers.get('Content-Length'));
  }

  /** @param {string} sub @param {RequestInit} init @param {number} time @param {AbortSignal} [signal] */
  #fetch(sub, init, time, signal) {
    return this.#request(this.#url + sub, { ...init, headers: { ...this.#headers, ...init.headers } }, time, signal);
  }

  /** @param {string} url @param {RequestInit} init @param {number} time @param {AbortSignal} [signal] */
  async #request(url, init, time, signal) {
    const timeout = AbortSignal.timeout(time);
    try {
      const response = await fetch(url, {
        cache: 'no-store',
        redirect: 'error',
        ...init,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      if (!response.ok) {
        throw Failure.ofAnswer(response.status, await response.text());
      }
      return response;
    } catch (error) {
      throw timeout.aborted && signal?.aborted !== true ? new Failure('silent') : this.#broken(error, signal);
    }
  }

  /** @param {Response} response @param {AbortSignal} [signal] */
  async #body(response, signal) {
    try {
      return await response.text();
    } catch (error) {
      throw this.#broken(error, signal);
    }
  }

  /** @param {unknown} error @param {AbortSignal} [signal] */
  #broken(error, signal) {
    if (signal?.aborted) {
      return signal.reason;
    }
    return error instanceof Failure ? error : new Failure('network', String(error));
  }
}
