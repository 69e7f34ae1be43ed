// A server's list of extents, read while it arrives: it may have a million of them.

/** @typedef {{start: number, length: number, zero: boolean}} Extent */

/**
 * @param {ReadableStream<Uint8Array>} body a JSON array of objects that hold no other
 * @returns {AsyncGenerator<Extent>}
 */
export async function* extentsOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    text += decoder.decode(next.value, { stream: true });
    let at = 0;
    for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}', at)) {
      yield JSON.parse(text.slice(text.indexOf('{', at), end + 1));
      at = end + 1;
    }
    text = text.slice(at);
  }
  if (!text.trim().endsWith(']')) {
    throw new TypeError('The list of extents ended early');
  }
}
