// What a file is, told by its magic numbers.

/**
 * @typedef {'raw' | 'iso' | 'qcow2' | 'container' | 'archive' | 'compressed'} Kind
 * @typedef {object} Format
 * @property {Kind} kind
 * @property {string} name as people know it
 * @property {string | null} command what makes a raw image of it; null: nothing has to
 */

const KIB = 1024;
/** What a volume descriptor of ISO 9660 needs: its 17th sector of 2048 bytes. */
const HEAD_SIZE = 40 * KIB;
const SECTOR = 512;

/** @param {Blob & {name?: string}} file @returns {Promise<Format>} */
export async function identify(file) {
  const head = new Uint8Array(await file.slice(0, HEAD_SIZE).arrayBuffer());
  const footer = new Uint8Array(await file.slice(Math.max(0, file.size - SECTOR)).arrayBuffer());
  return formatOf(head, footer, file.name ?? 'FILE');
}

/**
 * @param {Uint8Array} head the first 40 KiB
 * @param {Uint8Array} footer the last 512 bytes
 * @param {string} name the file's
 * @returns {Format}
 */
export function formatOf(head, footer, name) {
  const file = quote(name);
  /** @param {string} label @param {string} command @returns {Format} */
  const compressed = (label, command) => ({ kind: 'compressed', name: label, command });
  /** @param {string} label @param {string} driver @returns {Format} */
  const container = (label, driver) => ({
    kind: 'container',
    name: label,
    command: `qemu-img convert -f ${driver} -O raw ${file} ${quote(`${name}.raw`)}`,
  });

  if (starts(head, [0x51, 0x46, 0x49, 0xfb])) {
    const version = new DataView(head.buffer, head.byteOffset).getUint32(4);
    return version === 1
      ? container('qcow (version 1)', 'qcow')
      : { ...container(`qcow2 (version ${version})`, 'qcow2'), kind: 'qcow2' };
  }
  if (text(head, 0, 4) === 'KDMV' || text(head, 0, 4) === 'COWD' || text(head, 0, 21) === '# Disk DescriptorFile') {
    return container('VMDK (VMware)', 'vmdk');
  }
  if (text(head, 0, 8) === 'vhdxfile') {
    return container('VHDX (Hyper-V)', 'vhdx');
  }
  if (text(head, 0, 8) === 'conectix' || text(footer, footer.length - SECTOR, 8) === 'conectix') {
    return container('VHD (Hyper-V)', 'vpc');
  }
  if (starts(head.subarray(0x40), [0x7f, 0x10, 0xda, 0xbe])) {
    return container('VDI (VirtualBox)', 'vdi');
  }
  if (starts(head, [0x1f, 0x8b])) {
    return compressed('gzip', `gunzip --keep ${file}`);
  }
  if (starts(head, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])) {
    return compressed('xz', `unxz --keep ${file}`);
  }
  if (starts(head, [0x28, 0xb5, 0x2f, 0xfd])) {
    return compressed('zstd', `unzstd ${file}`);
  }
  if (text(head, 0, 3) === 'BZh' && starts(head.subarray(4), [0x31, 0x41, 0x59, 0x26, 0x53, 0x59])) {
    return compressed('bzip2', `bunzip2 --keep ${file}`);
  }
  if (starts(head, [0x04, 0x22, 0x4d, 0x18])) {
    return compressed('LZ4', `unlz4 ${file}`);
  }
  if (starts(head, [0x50, 0x4b, 0x03, 0x04])) {
    return compressed('ZIP', `unzip ${file}`);
  }
  if (starts(head, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c])) {
    return compressed('7-Zip', `7z x ${file}`);
  }
  if (text(head, 257, 5) === 'ustar') {
    const first = text(head, 0, 100).split('\0')[0];
    const isAppliance = /\.ovf$/i.test(first) || /\.ova$/i.test(name);
    return { kind: 'archive', name: isAppliance ? 'OVA (virtual appliance)' : 'tar', command: `tar xf ${file}` };
  }
  if (text(head, 0x8001, 5) === 'CD001') {
    return { kind: 'iso', name: 'ISO image (CD or DVD)', command: null };
  }
  // At the second sector, whose size is 512 or 4096 bytes.
  if (text(head, SECTOR, 8) === 'EFI PART' || text(head, 8 * SECTOR, 8) === 'EFI PART') {
    return { kind: 'raw', name: 'raw disk image with a GPT', command: null };
  }
  if (head.length >= SECTOR && head[510] === 0x55 && head[511] === 0xaa) {
    return { kind: 'raw', name: 'raw disk image with an MBR', command: null };
  }
  return { kind: 'raw', name: 'raw data', command: null };
}

/** @param {Uint8Array} bytes @param {readonly number[]} magic */
function starts(bytes, magic) {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}

/** @param {Uint8Array} bytes @param {number} at @param {number} length */
function text(bytes, at, length) {
  return at < 0 ? '' : String.fromCharCode(...bytes.subarray(at, at + length));
}

/** A file's name as a shell takes it. @param {string} name */
function quote(name) {
  const safe = name.startsWith('-') ? `./${name}` : name;
  return /^[\w.,+@%/-]+$/.test(safe) ? safe : `'${safe.replaceAll("'", "'\\''")}'`;
}
