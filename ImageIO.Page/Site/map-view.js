// Draws the map of an image.

const HEIGHT = 110;
const LARGEST_PITCH = 22;
const SMALLEST_PITCH = 7;

/** The legend's items for a cell's states, by CELL: the map has their colours. */
const ITEMS = ['todo', 'moving', 'written', 'durable', 'zero', 'verified'];

/**
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLElement} legend
 * @param {Uint8Array} cells a CELL for each
 */
export function drawMap(canvas, legend, cells) {
  const width = canvas.clientWidth;
  const context = canvas.getContext('2d');
  if (width === 0 || context === null || cells.length === 0) {
    return;
  }
  const pitch = Math.max(SMALLEST_PITCH, Math.min(LARGEST_PITCH, Math.floor(Math.sqrt((width * HEIGHT) / cells.length))));
  const columns = Math.max(1, Math.floor((width + 1) / pitch));
  const height = Math.ceil(cells.length / columns) * pitch;
  const scale = devicePixelRatio || 1;
  const pixels = { width: Math.round(width * scale), height: Math.round(height * scale) };
  if (canvas.width !== pixels.width || canvas.height !== pixels.height) {
    canvas.width = pixels.width;
    canvas.height = pixels.height;
    canvas.style.height = `${height}px`;
  }
  const colours = ITEMS.map((name) => colourOf(legend, name));
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const side = pitch - Math.max(1, Math.round(pitch / 7));
  cells.forEach((cell, i) => {
    const x = (i % columns) * pitch;
    const y = Math.floor(i / columns) * pitch;
    if (colours[cell].fill !== '') {
      context.fillStyle = colours[cell].fill;
      context.fillRect(x, y, side, side);
    }
    if (colours[cell].border !== '') {
      context.strokeStyle = colours[cell].border;
      context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
    }
  });
}

/** @param {HTMLElement} legend @param {string} name */
function colourOf(legend, name) {
  const style = getComputedStyle(/** @type {Element} */ (legend.querySelector(`.${name}`)), '::before');
  return { fill: style.backgroundColor, border: style.borderTopStyle === 'none' ? '' : style.borderTopColor };
}

/** The map in words. @param {Uint8Array} cells */
export function describeMap(cells) {
  const parts = new Array(ITEMS.length).fill(0);
  for (const cell of cells) {
    parts[cell]++;
  }
  const words = ['to do', 'on its way', 'written', 'on disk', 'empty', 'verified'];
  const told = words.flatMap((word, i) => parts[i] > 0 ? [`${Math.max(1, Math.round((100 * parts[i]) / cells.length))}% ${word}`] : []);
  return `Map of the image: ${told.join(', ')}`;
}
