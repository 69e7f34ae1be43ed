// What a person reads when something is in the way: what happened, and the one thing to do next.

import { bytes } from './units.js';

/**
 * @typedef {{kind: import('./failure.js').FailureKind, detail: string | number}} PlainFailure
 * @typedef {'resume' | 'again' | 'open' | 'choose' | 'fresh' | 'reload' | 'none'} Next what the one button does: go on, look
 *   at the link again, ask for another link, choose a file, send everything again, load the page again
 * @typedef {{title: string, text: string, next: Next}} Sentence
 */

/**
 * Why a link cannot be used.
 * @param {PlainFailure} failure
 * @returns {Sentence}
 */
export function onLink({ kind, detail }) {
  switch (kind) {
    case 'unknown':
      return {
        title: 'No such link',
        text: 'The server does not know this link. It may be used up, withdrawn or mistyped. Ask for a new one.',
        next: 'open',
      };
    case 'expired':
      return { title: 'This link has expired', text: 'Ask for a new one, or for this one to be prolonged.', next: 'again' };
    case 'canceled':
      return { title: 'This transfer was cancelled', text: 'Whoever manages the server has stopped it. Ask for a new link.', next: 'open' };
    case 'forbidden':
      return { title: 'This link is not accepted', text: `The server says: ${quoted(detail)} Ask for a new link.`, next: 'open' };
    case 'network':
    case 'silent':
      return { title: 'The server does not answer', text: 'Check your network, then try again.', next: 'again' };
    case 'busy':
      return { title: 'The disk cannot be reached', text: `${quoted(detail)} Try again in a minute.`, next: 'again' };
    case 'storage':
      return { title: 'The server cannot open the disk', text: `${quoted(detail)} Tell whoever sent you the link.`, next: 'again' };
    default:
      return onTransfer({ kind, detail });
  }
}

/**
 * Why a transfer has ended.
 * @param {PlainFailure} failure
 * @param {boolean} [isDownload]
 * @returns {Sentence}
 */
export function onTransfer(failure, isDownload = false) {
  const { kind, detail } = failure;
  switch (kind) {
    case 'unknown':
      return {
        title: 'The server does not know this link any more',
        text: 'It was restarted, or the link was withdrawn. Ask for the link to be set up again, then resume. Nothing is lost.',
        next: 'resume',
      };
    case 'expired':
      return {
        title: 'The link has expired',
        text: 'Ask for it to be prolonged, then resume. What was sent stays there.',
        next: 'resume',
      };
    case 'canceled':
      return {
        title: 'The transfer was cancelled',
        text: 'Whoever manages the server has stopped it. Ask for a new link.',
        next: 'open',
      };
    case 'forbidden':
      return { title: 'The server refuses', text: `${quoted(detail)} Ask for a new link.`, next: 'open' };
    case 'digest':
      return {
        title: 'The data was damaged on its way',
        text: 'The server noticed it twice at the same place, so something between here and there changes data. Try another network, then resume.',
        next: 'resume',
      };
    case 'full':
      return {
        title: 'The storage is full',
        text: `About ${bytes(Number(detail))} of the image fit. Ask for more room, then resume.`,
        next: 'resume',
      };
    case 'range':
      return {
        title: 'The disk has become smaller',
        text: `${quoted(detail)} Ask for a new link.`,
        next: 'open',
      };
    case 'file':
      return {
        title: 'The file has changed',
        text: 'It was written to, moved or removed while it was read. Close what uses it, such as a running virtual machine, and choose it again.',
        next: 'choose',
      };
    case 'unread':
      return {
        title: 'The file cannot be read',
        text: 'The drive or folder that it is on does not answer. Check that it is connected, then resume.',
        next: 'resume',
      };
    case 'image':
      return { title: 'The file is damaged', text: `${quoted(detail)} Choose a sound copy.`, next: 'choose' };
    case 'disk':
      return {
        title: 'The file cannot be written',
        text: `${quoted(detail)} Make room on this computer, or choose another folder.`,
        next: 'again',
      };
    case 'mismatch':
      return isDownload
        ? {
          title: 'The copy differs from the disk',
          text: 'Their checksums differ, so the file was thrown away. The disk may be in use; download it again.',
          next: 'again',
        }
        : {
          title: 'The disk differs from the file',
          text: 'Their checksums differ: do not use this disk. Something else may have written to it. Send everything again.',
          next: 'fresh',
        };
    case 'tab':
      return {
        title: 'Another tab is at work',
        text: 'This link is being used in another tab or window of this browser. Go on there, or close it and try again.',
        next: 'again',
      };
    case 'network':
    case 'silent':
    case 'busy':
      return { title: 'The server does not answer', text: 'Check your network, then resume.', next: 'resume' };
    case 'storage':
      return {
        title: 'The server cannot do it',
        text: `${quoted(detail)} Tell whoever sent you the link, then resume.`,
        next: 'resume',
      };
    case 'bug':
      return {
        title: 'Something is wrong with this page',
        text: `${quoted(detail)} Please report it. Load the page again and choose the file: it goes on where it was.`,
        next: 'reload',
      };
  }
}

/** While it tries by itself. @param {PlainFailure} failure @param {boolean} isOnline whether the computer has a network */
export function onLoss({ kind, detail }, isOnline) {
  if (!isOnline) {
    return 'This computer has no network.';
  }
  switch (kind) {
    case 'unknown':
      return 'The server is back, but does not know this link yet.';
    case 'busy':
    case 'storage':
      return quoted(detail) || 'The server is busy.';
    default:
      return 'The connection is lost.';
  }
}

/** A server's words as a sentence. @param {string | number} words */
function quoted(words) {
  const text = String(words).trim();
  return text === '' || /[.!?]$/.test(text) ? text : `${text}.`;
}
