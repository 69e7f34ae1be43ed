// What can go wrong, by name. What a person reads about it stands in sentences.js.

/**
 * - `network`: no answer: cut, refused, name unknown, certificate
 * - `silent`: connected, and no byte moves
 * - `busy`: 408, 502, 503, 504: a server in between, or the host behind it
 * - `unknown`, `expired`, `canceled`, `forbidden`: what is wrong with the ticket
 * - `digest`: what arrived is not what was sent
 * - `full`: the storage has no room
 * - `range`: outside of the image
 * - `storage`: 500 and everything else that a server says
 * - `file`: the file changed or cannot be read
 * - `unread`: reading the file does not end
 * - `image`: a qcow2 that is damaged or cannot be read here
 * - `disk`: the downloaded file cannot be written
 * - `mismatch`: the checksums differ
 * - `tab`: another tab works on the link
 * - `bug`: ours
 * @typedef {'network' | 'silent' | 'busy' | 'unknown' | 'expired' | 'canceled' | 'forbidden' | 'digest' | 'full'
 *   | 'range' | 'storage' | 'file' | 'unread' | 'image' | 'disk' | 'mismatch' | 'tab' | 'bug'} FailureKind
 */

export class Failure extends Error {
  /** @readonly */ kind;
  /** What more there is to say: a server's own words, a number of bytes. @readonly */ detail;

  /** @param {FailureKind} kind @param {string | number} [detail] */
  constructor(kind, detail = '') {
    super(`${kind} ${detail}`);
    this.kind = kind;
    this.detail = detail;
  }

  /** Whether waiting helps. */
  get isPassing() {
    return this.kind === 'network' || this.kind === 'silent' || this.kind === 'busy';
  }

  /** @param {unknown} error @returns {Failure} */
  static of(error) {
    return error instanceof Failure ? error : new Failure('bug', String(error));
  }

  /** What an answer that is no success means. @param {number} status @param {string} text */
  static ofAnswer(status, text) {
    const words = text.trim().slice(0, 300);
    switch (status) {
      case 401:
      case 403:
      case 404:
        return new Failure(ticketTrouble(words), words);
      case 408:
      case 502:
      case 503:
      case 504:
        return new Failure('busy', words);
      case 416:
        return new Failure('range', words);
      case 507:
        return new Failure('full', Number(words.match(/after (\d+) bytes/)?.[1] ?? 0));
      default:
        return new Failure('storage', words);
    }
  }
}

/** @param {string} words @returns {FailureKind} */
function ticketTrouble(words) {
  if (/expired/i.test(words)) {
    return 'expired';
  }
  if (/cancel/i.test(words)) {
    return 'canceled';
  }
  return /no such ticket|no ticket|not found/i.test(words) ? 'unknown' : 'forbidden';
}

/** Thrown by what was stopped on purpose: paused, cancelled, or given up because something else failed. */
export class Interrupted extends Error {}
