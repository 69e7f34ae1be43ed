// The worker's end of the page: commands in, news out.

import { Session } from './session.js';

/**
 * @typedef {{type: 'open', link: import('./link.js').Link}
 *   | {type: 'choose', file: File}
 *   | {type: 'upload', isUnpacked: boolean, isFresh: boolean}
 *   | {type: 'download', handle: FileSystemFileHandle}
 *   | {type: 'pause'} | {type: 'resume'} | {type: 'cancel'} | {type: 'wake'}
 *   | {type: 'visible', isVisible: boolean}} Command
 */

const session = new Session((news) => postMessage(news));

onmessage = ({ data }) => {
  const command = /** @type {Command} */ (data);
  switch (command.type) {
    case 'open':
      void session.open(command.link);
      break;
    case 'choose':
      void session.choose(command.file);
      break;
    case 'upload':
      void session.upload(command.isUnpacked, command.isFresh);
      break;
    case 'download':
      void session.download(command.handle);
      break;
    case 'pause':
      session.pause();
      break;
    case 'resume':
      void session.resume();
      break;
    case 'cancel':
      session.cancel();
      break;
    case 'wake':
      session.wake();
      break;
    case 'visible':
      session.visible(command.isVisible);
      break;
  }
};
