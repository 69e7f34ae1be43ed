// What is durable of an upload, kept in the browser, so that it goes on after a reload. No ticket is in it: only a hash
// of its id, which leads to the record and not back.

import { sha256, toHex } from './hashes.js';

const NAME = 'imageio';
const STORE = 'uploads';
const DAY = 24 * 3600 * 1000;
/** What nobody came back for. */
const LIFETIME = 30 * DAY;

/**
 * @typedef {object} UploadRecord
 * @property {string} name the file's
 * @property {number} size
 * @property {number} modified milliseconds
 * @property {boolean} isUnpacked whether the content of a qcow2 was sent, not the file
 * @property {number} imageSize what the server's image had when the upload began
 * @property {boolean} hasZeroTail whether all behind the upload's end was zero then
 * @property {number[]} durable start, end, start, end, …
 * @property {number} time of the record
 */

/** The key of a ticket's record. @param {string} id */
export async function keyOf(id) {
  return toHex(await sha256(new TextEncoder().encode(`imageio upload ${id}`)));
}

/** The record, or null. @param {string} key @returns {Promise<UploadRecord | null>} */
export function loadRecord(key) {
  return quietly(async () => await run('readonly', (store) => store.get(key)) ?? null, null);
}

/** @param {string} key @param {UploadRecord} record */
export function saveRecord(key, record) {
  return quietly(() => run('readwrite', (store) => store.put(record, key)), undefined);
}

/** @param {string} key */
export function deleteRecord(key) {
  return quietly(() => run('readwrite', (store) => store.delete(key)), undefined);
}

/** Forgets what is too old. */
export function pruneRecords() {
  return quietly(() => run('readwrite', (store) => {
    const request = store.openCursor();
    request.onsuccess = () => {
      const cursor = request.result;
      if (cursor !== null) {
        if (cursor.value.time < Date.now() - LIFETIME) {
          cursor.delete();
        }
        cursor.continue();
      }
    };
    return request;
  }), undefined);
}

/**
 * A browser that keeps nothing (a private window, a full disk) uploads all the same; only a reload starts anew.
 * @template T @param {() => Promise<T>} work @param {T} otherwise
 */
async function quietly(work, otherwise) {
  try {
    return await work();
  } catch {
    return otherwise;
  }
}

/** @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest} use @returns {Promise<any>} */
async function run(mode, use) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: 'strict' });
      const request = use(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onblocked = () => reject(request.error);
  });
}
