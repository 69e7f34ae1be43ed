// What a person pastes or a colleague sends: a page's link, a transfer URL, a ticket id, or a signed ticket.

/**
 * @typedef {{id: string, signed: string | null}} Link
 * @typedef {{kind: 'none'} | {kind: 'link', link: Link} | {kind: 'elsewhere', url: string, host: string}
 *   | {kind: 'wrong'}} ParsedLink
 */

/**
 * @param {string} text the fragment without "#", or what was pasted
 * @param {string} origin this page's
 * @returns {ParsedLink}
 */
export function parseLink(text, origin) {
  const trimmed = text.trim().replace(/^#/, '');
  if (trimmed === '') {
    return { kind: 'none' };
  }
  if (/^https?:\/\//i.test(trimmed)) {
    return parseUrl(trimmed, origin);
  }
  const decoded = decode(trimmed);
  const signed = signedTicketId(decoded);
  if (signed !== null) {
    return { kind: 'link', link: { id: signed, signed: decoded.replace(/\s+/g, '') } };
  }
  return /\s/.test(decoded) ? { kind: 'wrong' } : { kind: 'link', link: { id: decoded, signed: null } };
}

/** Where the image of a link is. @param {Link} link */
export function imagePath(link) {
  return '/images/' + link.id.split('/').map(encodeURIComponent).join('/');
}

/** @param {string} text @param {string} origin @returns {ParsedLink} */
function parseUrl(text, origin) {
  if (!URL.canParse(text)) {
    return { kind: 'wrong' };
  }
  const url = new URL(text);
  const id = url.hash.length > 1 ? url.hash.slice(1) : url.pathname.match(/^\/+images\/(.+)$/)?.[1];
  if (id === undefined) {
    return { kind: 'wrong' };
  }
  return url.origin === origin
    ? parseLink(id, origin)
    : { kind: 'elsewhere', url: `${url.origin}/#${id}`, host: url.host };
}

/**
 * The ticket id in a signed ticket: base64 of a JSON object whose "data" is JSON again. Null: it is none. Whether it
 * may be trusted is the proxy's to find out.
 * @param {string} text
 */
function signedTicketId(text) {
  try {
    const data = JSON.parse(JSON.parse(atob(text)).data);
    const id = data['transfer-ticket'];
    return typeof id === 'string' && id !== '' ? id : null;
  } catch {
    return null;
  }
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
