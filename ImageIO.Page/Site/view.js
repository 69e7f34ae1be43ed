// What is on the screen: all of it follows from the model.

import { drawMap, describeMap } from './map-view.js';
import { onLoss } from './sentences.js';
import { bytes, duration, percent } from './units.js';

/**
 * @typedef {'empty' | 'ready' | 'running' | 'paused' | 'offline' | 'verifying' | 'done' | 'failed'} State
 * @typedef {object} Model
 * @property {State} state
 * @property {boolean} isOpening whether the server is being asked about the link
 * @property {import('./api.js').Facts | null} facts
 * @property {string} downloadUrl
 * @property {import('./advice.js').ChosenFile | null} file
 * @property {import('./advice.js').Advice | null} advice
 * @property {boolean} isInsisted whether a doubtful file is to be uploaded all the same
 * @property {boolean} isDownload
 * @property {import('./session.js').PlainProgress | null} progress
 * @property {import('./sentences.js').Sentence | null} trouble
 * @property {{url: string, host: string} | null} elsewhere
 */

const NEXT_LABELS = {
  resume: '',
  again: 'Try again',
  open: 'Open another link',
  choose: 'Choose the file',
  fresh: 'Send everything again',
  reload: 'Load the page again',
  none: '',
};

/** Whether downloads can go straight into a file that the person names. */
export const canSaveDirectly = 'showSaveFilePicker' in globalThis;

/** @template {HTMLElement} T @param {string} id @param {new () => T} type @returns {T} */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) {
    throw new TypeError(`#${id} is no ${type.name}`);
  }
  return found;
}

/** @param {string} id */
const html = (id) => element(id, HTMLElement);

let announced = -1;

/** @param {Model} model */
export function render(model) {
  const main = /** @type {HTMLElement} */ (document.querySelector('main'));
  const hadFocus = document.activeElement;
  main.dataset.state = model.state;
  renderHead(model);
  renderTrouble(model);
  html('ask').hidden = model.state !== 'empty' || model.isOpening;
  renderFile(model);
  renderProgress(model);
  renderResult(model);
  renderActions(model);
  if (hadFocus instanceof HTMLElement && hadFocus !== document.body && hadFocus.offsetParent === null) {
    // What had it is gone: the next thing to do gets it, for who works by keyboard.
    const next = main.querySelector('.actions > :not([hidden])');
    (next instanceof HTMLElement ? next : html('title')).focus();
  }
}

/** @param {Model} model */
function renderHead({ state, isOpening, facts, file, isDownload, progress }) {
  const isUpload = facts !== null && facts.canWrite && !isDownload;
  text('what', facts === null ? 'Disk image' : isUpload && facts.canRead ? 'Upload or download' : isUpload ? 'Upload to' : 'Download');
  const name = facts?.filename ?? 'Disk image';
  text('title', isOpening ? 'Looking at the link…' : facts !== null ? name : state === 'failed' ? 'Disk image' : 'Upload or download a disk image');
  const told = facts === null ? [] : [bytes(facts.size)];
  if (facts?.expiresIn != null && state === 'ready') {
    told.push(`link valid for ${duration(facts.expiresIn)}`);
  }
  text('facts', told.join(' · '));
  const label = file?.name ?? name;
  const titles = {
    empty: 'Disk image',
    ready: name,
    running: progress === null ? label : `${percent(progress.done, progress.size)}% ${label}`,
    paused: `Paused: ${label}`,
    offline: `No connection: ${label}`,
    verifying: `Checking ${label}`,
    done: `Done: ${label}`,
    failed: `Failed: ${label}`,
  };
  document.title = titles[state];
}

/** @param {Model} model */
function renderTrouble({ trouble, elsewhere }) {
  const alert = html('alert');
  const key = JSON.stringify([trouble, elsewhere]);
  if (alert.dataset.told === key) {
    return;
  }
  // Only when it changes: it is read out each time.
  alert.dataset.told = key;
  alert.replaceChildren();
  if (elsewhere !== null) {
    const link = document.createElement('a');
    link.href = elsewhere.url;
    link.textContent = `Open it on ${elsewhere.host}`;
    alert.append(strong('This link belongs to another server'), link);
  } else if (trouble !== null) {
    alert.append(strong(trouble.title), trouble.text);
  }
}

/** @param {Model} model */
function renderFile({ state, facts, file, advice, isInsisted }) {
  const isChoosing = state === 'ready' && facts !== null && facts.canWrite;
  html('choose').hidden = !isChoosing;
  html('drop').classList.toggle('chosen', file !== null);
  text('drop-title', file?.name ?? 'Choose a disk image');
  text('drop-hint', file === null ? 'or drop it here' : `${bytes(file.size)} · choose another one`);
  const section = html('advice');
  section.hidden = !isChoosing || file === null || advice === null;
  if (file === null || advice === null) {
    return;
  }
  const isWarning = advice.verdict === 'refused' || advice.verdict === 'confirm';
  section.classList.toggle('warns', isWarning);
  section.role = isWarning ? 'alert' : null;
  const kept = file.durable > 0 && !isWarning ? ` ${bytes(file.durable)} of it are there already and are not sent again.` : '';
  text('kind', `Kind of file: ${file.format.name}`);
  text('advice-text', advice.text + kept);
  text('command', advice.command ?? '');
  html('insist').hidden = advice.verdict !== 'confirm';
  element('insisted', HTMLInputElement).checked = isInsisted;
}

/** @param {Model} model */
function renderProgress({ state, progress, isDownload }) {
  const section = html('progress');
  section.hidden = progress === null || progress.cells.length === 0;
  if (progress === null || progress.cells.length === 0) {
    return;
  }
  const done = state === 'verifying' || state === 'done' ? progress.size : progress.done;
  const share = percent(done, progress.size);
  text('status', statusOf(state, progress, isDownload));
  text('percent', `${share}%`);
  html('bar').ariaValueNow = String(share);
  html('fill').style.width = `${progress.size === 0 ? 100 : (100 * done) / progress.size}%`;
  text('done-of', `${bytes(done)} of ${bytes(progress.size)}`);
  const isMoving = state === 'running';
  text('rate', isMoving ? `${bytes(Math.round(progress.rate))}/s` : '–');
  text('left', isMoving && progress.timeLeft !== null ? duration(progress.timeLeft) : '–');
  text('connections', String(progress.connections));
  html('figures').hidden = state === 'done';
  const map = element('map', HTMLCanvasElement);
  map.ariaLabel = describeMap(progress.cells);
  drawMap(map, html('legend'), progress.cells);
  announce(state, share);
}

/** At each tenth, for who listens. @param {State} state @param {number} share */
function announce(state, share) {
  const tenth = Math.floor(share / 10);
  if (state === 'running' && tenth !== announced) {
    text('live', `${tenth * 10}%`);
    announced = tenth;
  } else if (state !== 'running' && state !== 'failed') {
    text('live', html('status').textContent ?? '');
    announced = -1;
  }
}

/** @param {State} state @param {import('./session.js').PlainProgress} progress @param {boolean} isDownload */
function statusOf(state, progress, isDownload) {
  switch (state) {
    case 'paused':
      return 'Paused';
    case 'offline': {
      const wait = Math.max(0, Math.ceil((progress.retryAt - Date.now()) / 1000));
      const what = progress.failure === null ? 'The connection is lost.' : onLoss(progress.failure, navigator.onLine);
      return `${what} ${wait > 0 ? `Trying again in ${wait} s.` : 'Trying again now.'}`;
    }
    case 'verifying':
      return isDownload ? 'Comparing the file with the disk' : 'Comparing the disk with the file';
    case 'done':
      return isDownload ? 'Downloaded' : 'Uploaded';
    case 'failed':
      return 'Stopped';
    default:
      return isDownload ? 'Downloading' : 'Uploading';
  }
}

/** @param {Model} model */
function renderResult({ state, progress, isDownload }) {
  const result = state === 'done' ? progress?.result ?? null : null;
  html('result').hidden = result === null;
  const sum = html('checksum');
  if (result === null) {
    delete sum.dataset.checksum;
    return;
  }
  const untouched = result.untouched > 0 ? ` The last ${bytes(result.untouched)} of the disk were not touched.` : '';
  const proof = isDownload ? 'The file holds exactly what the disk holds.' : 'The disk holds exactly what the file holds.';
  text('result-text', result.isVerified
    ? `Done and verified. ${proof}${untouched}`
    : `Done, but not verified: this server cannot tell a checksum.${untouched}`);
  text('checksum', result.checksum);
  sum.dataset.checksum = result.checksum;
  text('sum-hint', `SHA-256 of the hashes of all 4 MiB blocks (${bytes(result.checked)}).${isDownload ? '' : ' You can close this page.'}`);
}

/** @param {Model} model */
function renderActions({ state, facts, file, advice, isInsisted, isDownload, downloadUrl, trouble }) {
  const isReady = state === 'ready' && facts !== null;
  const upload = element('upload', HTMLButtonElement);
  upload.hidden = !isReady || !facts.canWrite || file === null || advice === null || advice.verdict === 'refused';
  upload.disabled = advice?.verdict === 'confirm' && !isInsisted;
  upload.textContent = 'Upload';
  const canDownload = isReady && facts.canRead && file === null;
  html('download').hidden = !canDownload || !canSaveDirectly;
  const link = element('download-link', HTMLAnchorElement);
  link.hidden = !canDownload || canSaveDirectly;
  link.href = downloadUrl;
  html('pause').hidden = state !== 'running';
  html('resume').hidden = !(state === 'paused' || (state === 'failed' && trouble?.next === 'resume'));
  const next = element('next', HTMLButtonElement);
  const label = state === 'offline' ? 'Try now' : trouble === null ? '' : NEXT_LABELS[trouble.next];
  next.hidden = label === '' || (state !== 'offline' && state !== 'failed');
  next.textContent = label;
  html('cancel').hidden = !['running', 'paused', 'offline', 'verifying'].includes(state);
  html('fresh').hidden = !(isReady && file !== null && file.durable > 0 && !upload.hidden) || isDownload;
}

/** @param {string} id @param {string} value */
function text(id, value) {
  const found = html(id);
  if (found.textContent !== value) {
    found.textContent = value;
  }
}

/** @param {string} value */
function strong(value) {
  const made = document.createElement('strong');
  made.textContent = value;
  return made;
}
