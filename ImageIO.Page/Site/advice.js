// What to tell about a chosen file before a byte of it is sent.

import { bytes } from './units.js';

/**
 * @typedef {import('./image-format.js').Format} Format
 * @typedef {object} ChosenFile
 * @property {string} name
 * @property {number} size
 * @property {Format} format
 * @property {{size: number, dataSize: number} | null} disk what a qcow2 holds. Null: none, or it cannot be unpacked
 * @property {string} problem why a qcow2 cannot be unpacked
 * @property {number} durable bytes that an earlier visit has sent
 *
 * @typedef {object} Advice
 * @property {'fine' | 'refused' | 'confirm' | 'unpack'} verdict confirm: only when the person insists
 * @property {string} text
 * @property {string | null} command what to run first
 */

/** @param {ChosenFile} file @param {number} ticketSize @returns {Advice} */
export function adviceOn(file, ticketSize) {
  const { format } = file;
  if (format.kind === 'compressed') {
    return {
      verdict: 'refused',
      text: `This file is compressed (${format.name}). The disk needs what is inside. Unpack it, then choose the result:`,
      command: format.command,
    };
  }
  if (format.kind === 'qcow2' && file.disk?.size === ticketSize) {
    return {
      verdict: 'unpack',
      text: `This is a ${format.name} file. It is unpacked while it is uploaded: only its ${bytes(file.disk.dataSize)} of data are sent.`,
      command: null,
    };
  }
  if (file.size > ticketSize) {
    return {
      verdict: 'refused',
      text: `This file is larger than the disk: ${bytes(file.size)}, and the disk has room for ${bytes(ticketSize)}. `
        + `Ask for a disk that is ${bytes(file.size - ticketSize)} larger, or choose another file.`,
      command: null,
    };
  }
  if (file.size === 0) {
    return { verdict: 'refused', text: 'This file is empty. Choose another one.', command: null };
  }
  if (format.kind === 'qcow2') {
    const why = file.disk === null
      ? `It cannot be unpacked here. ${file.problem}.`
      : `Its disk has ${bytes(file.disk.size)}, the link's has ${bytes(ticketSize)}, so it is not unpacked here.`;
    return {
      verdict: 'confirm',
      text: `This is a ${format.name} file, not the disk itself. ${why} A virtual machine sees garbage, unless its disk is kept as `
        + 'qcow2. Make a raw image of it, then choose that:',
      command: format.command,
    };
  }
  if (format.kind === 'container' || format.kind === 'archive') {
    return {
      verdict: 'confirm',
      text: `This is ${article(format.name)} file. It contains a disk, but is none: a virtual machine sees garbage. `
        + `${format.kind === 'archive' ? 'Unpack it' : 'Make a raw image of it'}, then choose the result:`,
      command: format.command,
    };
  }
  return { verdict: 'fine', text: sizeAdvice(file.size, ticketSize), command: null };
}

/** @param {number} size @param {number} ticketSize */
function sizeAdvice(size, ticketSize) {
  return size < ticketSize
    ? `The file is smaller than the disk. The last ${bytes(ticketSize - size)} of the disk stay as they are.`
    : '';
}

/** @param {string} name */
function article(name) {
  return `${/^[AEIOUX]/.test(name) ? 'an' : 'a'} ${name}`;
}
