// The page: takes what the person does to the worker, and its news to the screen.

import { adviceOn } from './advice.js';
import { parseLink } from './link.js';
import { onLink, onTransfer } from './sentences.js';
import { element, render } from './view.js';

/** @typedef {import('./view.js').Model} Model */

/** @type {Model} */
const nothing = {
  state: 'empty',
  isOpening: false,
  facts: null,
  downloadUrl: '',
  file: null,
  advice: null,
  isInsisted: false,
  isDownload: false,
  progress: null,
  trouble: null,
  elsewhere: null,
};
let model = nothing;
/** The link that is open, as it stands in the address. */
let openHash = '';
/** Chosen before the server has said what the link allows. @type {File | undefined} */
let early;
/** @type {WakeLockSentinel | null} */
let wakeLock = null;

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const file = element('file', HTMLInputElement);
const drop = element('drop', HTMLElement);

/** @param {import('./worker.js').Command} command */
const send = (command) => worker.postMessage(command);

/** @param {Partial<Model>} change */
function update(change) {
  const before = model.state;
  model = { ...model, ...change };
  render(model);
  if (model.state !== before) {
    void keepAwake();
  }
}

const isBusy = () => ['running', 'paused', 'offline', 'verifying'].includes(model.state);

function forgetChoice() {
  early = undefined;
  file.value = '';
}

/** Opens what the address or the person says. @param {string} text */
function open(text) {
  forgetChoice();
  if (!isSecureContext) {
    update({ ...nothing, state: 'failed', trouble: {
      title: 'This page needs a secure connection',
      text: 'Open it with https://. Browsers cannot verify data on a plain connection.',
      next: 'none',
    } });
    return;
  }
  const parsed = parseLink(text, location.origin);
  switch (parsed.kind) {
    case 'none':
      update(nothing);
      break;
    case 'wrong':
      update({ ...nothing, trouble: {
        title: 'This is no transfer link',
        text: 'Paste the whole web address that you were sent, or the ticket alone.',
        next: 'none',
      } });
      break;
    case 'elsewhere':
      update({ ...nothing, elsewhere: parsed });
      break;
    case 'link':
      openHash = `#${parsed.link.signed ?? encodeURI(parsed.link.id)}`;
      if (location.hash !== openHash) {
        history.replaceState(null, '', openHash);
      }
      update({ ...nothing, isOpening: true });
      send({ type: 'open', link: parsed.link });
      break;
  }
}

/** @param {File | undefined} chosen */
function choose(chosen) {
  if (model.isOpening) {
    early = chosen;
  } else if (chosen !== undefined && model.facts?.canWrite) {
    update({ state: 'ready', trouble: null, progress: null, isInsisted: false });
    send({ type: 'choose', file: chosen });
  }
}

/** @param {boolean} isFresh */
function upload(isFresh) {
  update({ state: 'running', isDownload: false, progress: null, trouble: null });
  send({ type: 'upload', isUnpacked: model.advice?.verdict === 'unpack', isFresh });
}

async function download() {
  const suggestedName = model.facts?.filename ?? 'disk.raw';
  try {
    // Not known to the types: only some browsers have it.
    const handle = await /** @type {any} */ (globalThis).showSaveFilePicker({ suggestedName });
    update({ state: 'running', isDownload: true, progress: null, trouble: null });
    send({ type: 'download', handle });
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'AbortError')) {
      update({ state: 'failed', isDownload: true, trouble: onTransfer({ kind: 'disk', detail: String(error) }, true) });
    }
  }
}

function next() {
  if (model.state === 'offline') {
    send({ type: 'wake' });
    return;
  }
  switch (model.trouble?.next) {
    case 'open':
      history.replaceState(null, '', location.pathname);
      openHash = '';
      update(nothing);
      element('link', HTMLInputElement).focus();
      break;
    case 'choose':
      update({ state: 'ready', trouble: null, progress: null, file: null, advice: null });
      file.click();
      break;
    case 'fresh':
      upload(true);
      break;
    case 'reload':
      location.reload();
      break;
    default:
      open(openHash);
  }
}

worker.addEventListener('message', ({ data }) => {
  const news = /** @type {import('./session.js').News} */ (data);
  switch (news.type) {
    case 'opened':
      update({ ...nothing, state: 'ready', facts: news.facts, downloadUrl: news.downloadUrl });
      choose(early);
      early = undefined;
      break;
    case 'alive':
      if (model.state === 'ready' && model.facts !== null) {
        update({ facts: { ...model.facts, expiresIn: news.expiresIn } });
      }
      break;
    case 'refused':
      update({ ...nothing, state: 'failed', trouble: onLink(news.failure) });
      break;
    case 'chosen':
      if (model.state === 'ready' && model.facts !== null) {
        update({ file: news.file, advice: adviceOn(news.file, model.facts.size) });
      }
      break;
    case 'unreadable':
      update({ state: 'failed', file: null, advice: null, trouble: onTransfer(news.failure) });
      break;
    case 'progress': {
      const { progress, isDownload } = news;
      if (isBusy() || model.state === 'failed') {
        const isOver = progress.phase === 'failed' && progress.failure !== null;
        update({
          state: progress.phase,
          isDownload,
          progress: progress.cells.length > 0 ? progress : model.progress,
          trouble: isOver && progress.failure !== null ? onTransfer(progress.failure, isDownload) : null,
        });
      }
      break;
    }
  }
});
worker.addEventListener('error', (event) => {
  // Without a message it was not loaded.
  const isLoaded = event instanceof ErrorEvent && event.message !== undefined && event.message !== '';
  update({ state: 'failed', trouble: isLoaded ? onTransfer({ kind: 'bug', detail: event.message }) : {
    title: 'This page has not been loaded completely',
    text: 'Check your network, then load it again.',
    next: 'reload',
  } });
});

element('ask', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  open(element('link', HTMLInputElement).value);
});
file.addEventListener('change', () => choose(file.files?.[0]));
// Otherwise a browser is silent when the same file is chosen again.
file.addEventListener('click', forgetChoice);
for (const type of ['dragover', 'dragleave', 'drop']) {
  addEventListener(type, (event) => {
    // Anywhere: a browser would otherwise open the file in place of the page.
    event.preventDefault();
    drop.classList.toggle('over', type === 'dragover');
    if (event instanceof DragEvent && type === 'drop' && model.state === 'ready') {
      choose(event.dataTransfer?.files[0]);
    }
  });
}
element('insisted', HTMLInputElement).addEventListener('change', (event) => {
  update({ isInsisted: /** @type {HTMLInputElement} */ (event.target).checked });
});

/** @param {string} id @param {() => void} action */
function onClick(id, action) {
  element(id, HTMLElement).addEventListener('click', action);
}
onClick('upload', () => upload(false));
onClick('fresh', () => upload(true));
onClick('download', () => void download());
onClick('pause', () => send({ type: 'pause' }));
onClick('resume', () => {
  if (model.state === 'failed') {
    update({ state: 'running', trouble: null });
  }
  send({ type: 'resume' });
});
onClick('cancel', () => {
  send({ type: 'cancel' });
  open(openHash);
});
onClick('next', next);
onClick('copy', () => void navigator.clipboard.writeText(element('checksum', HTMLElement).dataset.checksum ?? ''));

addEventListener('beforeunload', (event) => {
  if (isBusy()) {
    event.preventDefault();
  }
});
addEventListener('hashchange', () => {
  if (isBusy()) {
    // One thing after the other: the address stays that of what runs.
    history.replaceState(null, '', openHash);
  } else if (location.hash !== openHash) {
    open(location.hash);
  }
});
addEventListener('online', () => send({ type: 'wake' }));
addEventListener('resize', () => render(model));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => render(model));
document.addEventListener('visibilitychange', () => {
  send({ type: 'visible', isVisible: document.visibilityState === 'visible' });
  void keepAwake();
});

/** A computer that falls asleep loses its connections, and a little later the link. */
async function keepAwake() {
  const isWanted = ['running', 'offline', 'verifying'].includes(model.state) && document.visibilityState === 'visible';
  if (!isWanted) {
    await wakeLock?.release();
    wakeLock = null;
  } else if (wakeLock === null || wakeLock.released) {
    wakeLock = await navigator.wakeLock?.request('screen').catch(() => null) ?? null;
  }
}

open(location.hash);
