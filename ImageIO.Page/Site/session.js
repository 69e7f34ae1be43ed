// What one tab does with one link. It runs in a worker: there, timers go on in a tab that is not looked at, and nothing
// that it does holds up the page.

import { ImageApi } from './api.js';
import { Download } from './download.js';
import { Failure } from './failure.js';
import { identify } from './image-format.js';
import { PIECE } from './plan.js';
import { Qcow2Source } from './qcow2.js';
import { RangeSet } from './ranges.js';
import { FileSource } from './source.js';
import { deleteRecord, keyOf, loadRecord, pruneRecords, saveRecord } from './store.js';
import { Upload } from './upload.js';

const SIGN_OF_LIFE = 20_000;

/**
 * @typedef {import('./sentences.js').PlainFailure} PlainFailure
 * @typedef {import('./transfer.js').Progress} Progress
 * @typedef {Omit<Progress, 'failure'> & {failure: PlainFailure | null}} PlainProgress
 * @typedef {{type: 'opened', facts: import('./api.js').Facts, downloadUrl: string}
 *   | {type: 'alive', expiresIn: number | null}
 *   | {type: 'refused', failure: PlainFailure}
 *   | {type: 'chosen', file: import('./advice.js').ChosenFile}
 *   | {type: 'unreadable', failure: PlainFailure}
 *   | {type: 'progress', isDownload: boolean, progress: PlainProgress}} News
 */

export class Session {
  /** @readonly */ #tell;
  /** @type {ImageApi | null} */ #api = null;
  /** @type {import('./api.js').Facts | null} */ #facts = null;
  /** @type {File | null} */ #file = null;
  /** @type {Qcow2Source | null} */ #qcow2 = null;
  #key = '';
  #isUnpacked = false;
  /** @type {FileSystemFileHandle | null} */ #handle = null;
  /** @type {Upload | Download | null} */ #transfer = null;
  #isVisible = true;
  /** Gives back the right to be the only tab that uploads to this link. */ #release = () => {};

  /** @param {(news: News) => void} tell */
  constructor(tell) {
    this.#tell = tell;
    setInterval(() => this.#showLife(), SIGN_OF_LIFE);
    void pruneRecords();
  }

  /** @param {import('./link.js').Link} link */
  async open(link) {
    this.cancel();
    this.#file = null;
    this.#facts = null;
    const api = this.#api = new ImageApi(link);
    try {
      this.#key = await keyOf(link.id);
      const facts = await api.options();
      const downloadUrl = facts.canRead ? await api.downloadUrl() : '';
      if (this.#api === api) {
        this.#facts = facts;
        this.#tell({ type: 'opened', facts, downloadUrl });
      }
    } catch (error) {
      this.#tell({ type: 'refused', failure: plain(Failure.of(error)) });
    }
  }

  /** @param {File} file */
  async choose(file) {
    this.#file = file;
    this.#qcow2 = null;
    try {
      const format = await identify(file);
      let problem = '';
      if (format.kind === 'qcow2') {
        try {
          this.#qcow2 = await Qcow2Source.open(file);
        } catch (error) {
          problem = reasonOf(error);
        }
      }
      const { qcow2 } = this.#opened();
      const isUnpacked = qcow2 !== null && qcow2.size === this.#facts?.size;
      const record = await this.#record(isUnpacked);
      this.#tell({
        type: 'chosen',
        file: {
          name: file.name,
          size: file.size,
          format,
          disk: qcow2 === null ? null : { size: qcow2.size, dataSize: qcow2.dataSize },
          problem,
          durable: new RangeSet(record?.durable).total,
        },
      });
    } catch (error) {
      this.#tell({ type: 'unreadable', failure: plain(Failure.of(error)) });
    }
  }

  /**
   * @param {boolean} isUnpacked whether the disk in a qcow2 is sent
   * @param {boolean} isFresh whether to forget what an earlier visit has sent
   */
  async upload(isUnpacked, isFresh) {
    this.#isUnpacked = isUnpacked;
    this.#handle = null;
    await this.#run(false, async (tell) => {
      if (!await this.#becomeOnly()) {
        throw new Failure('tab');
      }
      if (isFresh) {
        await deleteRecord(this.#key);
      }
      return this.#newUpload(tell);
    });
  }

  /** @param {FileSystemFileHandle} handle */
  async download(handle) {
    this.#handle = handle;
    await this.#run(true, async (tell) => {
      const { api } = this.#opened();
      this.#facts = await api.options();
      return new Download(api, this.#facts, { handle, ...await this.#look(api, this.#facts) }, tell);
    });
  }

  /** Goes on: after a pause, or with what failed. */
  async resume() {
    if (this.#transfer !== null) {
      this.#transfer.resume();
    } else if (this.#handle !== null) {
      await this.download(this.#handle);
    } else if (this.#file !== null) {
      await this.upload(this.#isUnpacked, false);
    }
  }

  pause() {
    this.#transfer?.pause();
  }

  wake() {
    this.#transfer?.wake();
  }

  cancel() {
    this.#transfer?.cancel();
    this.#transfer = null;
    this.#release();
  }

  /** @param {boolean} isVisible whether somebody may look at the tab */
  visible(isVisible) {
    this.#isVisible = isVisible;
  }

  /**
   * @param {boolean} isDownload
   * @param {(tell: (progress: Progress) => void) => Promise<Upload | Download>} create
   */
  async #run(isDownload, create) {
    /** @param {Progress} progress */
    const tell = (progress) => this.#tell({
      type: 'progress',
      isDownload,
      progress: { ...progress, failure: progress.failure === null ? null : plain(progress.failure) },
    });
    let transfer;
    try {
      transfer = await create(tell);
    } catch (error) {
      this.#release();
      tell(notBegun(Failure.of(error)));
      return;
    }
    this.#transfer = transfer;
    const isDone = await transfer.run();
    if (this.#transfer === transfer) {
      this.#transfer = null;
      this.#release();
    }
    if (isDone && !isDownload) {
      await deleteRecord(this.#key);
    }
  }

  /** @param {(progress: Progress) => void} tell */
  async #newUpload(tell) {
    const { api, file, qcow2 } = this.#opened();
    const facts = this.#facts = await api.options();
    const source = this.#isUnpacked && qcow2 !== null ? qcow2 : new FileSource(/** @type {File} */ (file));
    const record = await this.#record(this.#isUnpacked);
    const { zero: zeroAtServer, imageSize } = await this.#look(api, facts);
    const hasZeroTail = record?.hasZeroTail === true || zeroAtServer.contains(source.size, imageSize);
    return new Upload(api, facts, {
      source,
      zeroAtServer,
      imageSize,
      hasZeroTail,
      durable: new RangeSet(record?.durable),
      onDurable: (durable) => this.#save(/** @type {File} */ (file), { imageSize, hasZeroTail, durable }),
    }, tell);
  }

  /** What the server has. @param {ImageApi} api @param {import('./api.js').Facts} facts */
  async #look(api, facts) {
    const zero = new RangeSet();
    if (!facts.hasExtents) {
      return { zero, imageSize: facts.size };
    }
    let imageSize = 0;
    for await (const extent of api.extents()) {
      imageSize = extent.start + extent.length;
      if (extent.zero) {
        zero.add(extent.start, imageSize);
      }
    }
    return { zero, imageSize };
  }

  /** @param {File} file @param {{imageSize: number, hasZeroTail: boolean, durable: RangeSet}} what */
  #save(file, { imageSize, hasZeroTail, durable }) {
    void saveRecord(this.#key, {
      name: file.name,
      size: file.size,
      modified: file.lastModified,
      isUnpacked: this.#isUnpacked,
      imageSize,
      hasZeroTail,
      durable: durable.toArray(),
      time: Date.now(),
    });
  }

  /** What an earlier visit has sent of the same file to the same image. @param {boolean} isUnpacked */
  async #record(isUnpacked) {
    const record = await loadRecord(this.#key);
    const file = this.#file;
    const isSame = record !== null && file !== null && record.name === file.name && record.size === file.size
      && record.modified === file.lastModified && record.isUnpacked === isUnpacked;
    return isSame ? record : null;
  }

  /** Whether no other tab of this browser uploads to the link. @returns {Promise<boolean>} */
  #becomeOnly() {
    this.#release();
    return new Promise((resolve) => {
      void navigator.locks.request(`imageio ${this.#key}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise((/** @type {(value: void) => void} */ release) => { this.#release = release; });
      });
    });
  }

  #opened() {
    if (this.#api === null) {
      throw new Failure('bug', 'No link was opened');
    }
    return { api: this.#api, file: this.#file, qcow2: this.#qcow2 };
  }

  // While a person looks for the file: managers cancel what idles for a minute.
  async #showLife() {
    const api = this.#api;
    if (api === null || this.#facts === null || this.#transfer !== null || !this.#isVisible) {
      return;
    }
    try {
      const { expiresIn } = await api.options();
      this.#tell({ type: 'alive', expiresIn });
    } catch (error) {
      const failure = Failure.of(error);
      if (!failure.isPassing && this.#transfer === null && this.#api === api) {
        this.#facts = null;
        this.#tell({ type: 'refused', failure: plain(failure) });
      }
    }
  }
}

/** @param {Failure} failure @returns {PlainFailure} */
function plain(failure) {
  return { kind: failure.kind, detail: failure.detail };
}

/** @param {unknown} error */
function reasonOf(error) {
  return error instanceof Failure && error.kind === 'image' ? String(error.detail) : 'It cannot be read';
}

/** @param {Failure} failure @returns {Progress} */
function notBegun(failure) {
  return {
    phase: 'failed',
    done: 0,
    size: PIECE,
    rate: 0,
    timeLeft: null,
    connections: 0,
    retryAt: 0,
    failure,
    sent: 0,
    cells: new Uint8Array(),
    result: null,
  };
}
