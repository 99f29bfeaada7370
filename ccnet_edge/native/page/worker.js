/* Reads a picture, scales it to the network's input and segments it, beside the page's thread. */
'use strict';

const STRIP = 256; // rows of a picture that are in memory as pixels at a time
const MOST_PIXELS = 89478485;
const PROGRESS_ROWS = 16;
// The first that this browser takes: with fused multiply-adds, or without.
const MODULES = ['ccnet-relaxed.wasm', 'ccnet.wasm'];

/** What a person should read, and not a programming mistake. */
class Refusal extends Error {}

/** For every output position the first input position and the weights from there on, as Pillow has
 * them: box and triangle filters, widened where the picture shrinks. */
function windows(from, to, method) {
  const scale = from / to, wide = Math.max(scale, 1);
  const support = (method === 'box' ? 0.5 : 1) * wide;
  const filter = method === 'box' ? (x) => (x > -0.5 && x <= 0.5 ? 1 : 0)
    : (x) => Math.max(0, 1 - Math.abs(x));
  return Array.from({length: to}, (_, at) => {
    const center = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const weights = new Float64Array(end - first);
    let sum = 0;
    for (let i = 0; i < weights.length; i++) {
      sum += weights[i] = filter((i + first - center + 0.5) * (1 / wide));
    }
    if (sum) for (let i = 0; i < weights.length; i++) weights[i] /= sum;
    return {first, weights};
  });
}

/** A picture that comes in strips, as the network's input: scaled along rows, then along columns,
 * in double precision with float32 between and after: to the bit as the Python side does it where
 * Pillow goes along rows first too, else within float32's rounding (it shrinks the longer way first). */
class Input {
  constructor(facts, width, height) {
    this.facts = facts;
    this.width = width;
    this.row = 0;
    this.columns = windows(width, facts.width, facts.resize);
    this.sums = new Float64Array(facts.channels * facts.height * facts.width);
    this.line = new Uint8Array(width * facts.channels);
    this.uses = Array.from({length: height}, () => []);
    windows(height, facts.height, facts.resize).forEach(({first, weights}, y) => {
      weights.forEach((weight, i) => this.uses[first + i].push([y, weight]));
    });
  }

  /** Rows of red, green, blue and alpha. */
  add(pixels, rows) {
    for (let y = 0; y < rows; y++, this.row++) {
      if (!this.uses[this.row].length) continue;
      this.split(pixels, y * this.width * 4);
      for (let c = 0; c < this.facts.channels; c++) this.spread(c);
    }
  }

  /** One row of pixels as channels: colour, or grey by ITU-R 601-2. */
  split(pixels, at) {
    const {line, width} = this;
    if (this.facts.channels === 1) {
      for (let x = 0; x < width; x++, at += 4) {
        const luma = 19595 * pixels[at] + 38470 * pixels[at + 1] + 7471 * pixels[at + 2];
        line[x] = (luma + 0x8000) >>> 16;
      }
      return;
    }
    for (let c = 0; c < 3; c++) {
      for (let x = 0, from = at + c; x < width; x++, from += 4) line[c * width + x] = pixels[from];
    }
  }

  spread(c) {
    const {facts, columns, line, sums} = this, plane = facts.height * facts.width;
    const scaled = new Float32Array(facts.width);
    for (let x = 0; x < facts.width; x++) {
      const {first, weights} = columns[x], from = c * this.width + first;
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += line[from + i] * weights[i];
      scaled[x] = sum;
    }
    for (const [y, weight] of this.uses[this.row]) {
      const to = c * plane + y * facts.width;
      for (let x = 0; x < facts.width; x++) sums[to + x] += scaled[x] * weight;
    }
  }

  /** (sample / 255 − mean) / std into `out` [C][inputHeight][inputWidth], a Float32Array, where
   * the last row and column are repeated. */
  normalise(out) {
    const {facts, sums} = this, {height, width, inputHeight, inputWidth} = facts;
    const round = Math.fround;
    for (let c = 0, to = 0; c < facts.channels; c++) {
      const mean = round(facts.mean[c]), std = round(facts.std[c]);
      for (let y = 0; y < inputHeight; y++) {
        const row = (c * height + Math.min(y, height - 1)) * width;
        for (let x = 0; x < inputWidth; x++, to++) {
          const sample = sums[row + Math.min(x, width - 1)];
          out[to] = round(round(round(sample) / 255) - mean) / std;
        }
      }
    }
  }
}

/** The network in the memory of its module. */
class Network {
  constructor(facts, module, weights, onRow) {
    this.facts = facts;
    this.exports = new WebAssembly.Instance(module, {page: {row: onRow}}).exports;
    this.bytes(this.exports.web_weights(), weights.length).set(weights);
    this.check(this.exports.web_open());
  }

  bytes(at, length) {
    return new Uint8Array(this.exports.memory.buffer, at, length);
  }

  check(status) {
    if (!status) return;
    const all = this.bytes(0, this.exports.memory.buffer.byteLength);
    const at = this.exports.web_text(status);
    const text = new TextDecoder().decode(all.slice(at, all.indexOf(0, at)));
    throw new Refusal(`The network could not be used: ${text}.`);
  }

  /** Where the image is to be written: [C][inputHeight][inputWidth], normalised. */
  get image() {
    const {channels, inputHeight, inputWidth} = this.facts;
    const length = channels * inputHeight * inputWidth;
    return new Float32Array(this.exports.memory.buffer, this.exports.web_image(), length);
  }

  /** The mask [height][width]; `scores`, where it is given, takes all logits (for tests). */
  segment(scores) {
    const {outputs, height, width, inputHeight, inputWidth} = this.facts, {memory} = this.exports;
    const plane = inputHeight * inputWidth, mask = new Uint8Array(height * width);
    let at = 0;
    if (scores) at = memory.grow(Math.ceil(4 * outputs * plane / 65536)) * 65536;
    this.check(this.exports.web_segment(at));
    if (scores) scores.set(new Float32Array(memory.buffer, at, scores.length));
    const found = this.bytes(this.exports.web_mask(), plane);
    for (let y = 0; y < height; y++) {
      mask.set(found.subarray(y * inputWidth, y * inputWidth + width), y * width);
    }
    return mask;
  }
}

/** Class indices as a PNG with a palette, at any size by nearest neighbour. */
async function png(mask, facts, width, height) {
  const scaled = (from, to) => {
    const step = from / to, found = new Int32Array(to);
    for (let i = 0, at = step * 0.5; i < to; i++, at += step) found[i] = Math.min(from - 1, at);
    return found;
  };
  const columns = scaled(facts.width, width), rows = scaled(facts.height, height);
  const packed = new CompressionStream('deflate'), writer = packed.writable.getWriter();
  const whole = new Response(packed.readable).arrayBuffer();
  for (let y = 0; y < height; y += STRIP) {
    const count = Math.min(STRIP, height - y), strip = new Uint8Array(count * (width + 1));
    for (let i = 0; i < count; i++) {
      const to = i * (width + 1) + 1, from = rows[y + i] * facts.width;
      for (let x = 0; x < width; x++) strip[to + x] = mask[from + columns[x]];
    }
    await writer.write(strip);
  }
  await writer.close();
  const head = new Uint8Array(13), view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, 3], 8);
  const palette = Uint8Array.from(facts.classes.flatMap(({colour}) => colour));
  const parts = [['IHDR', head], ['PLTE', palette], ['IDAT', new Uint8Array(await whole)],
    ['IEND', new Uint8Array(0)]];
  const magic = Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return new Blob([magic, ...parts.map(([name, data]) => chunk(name, data))], {type: 'image/png'});
}

const CRC = Uint32Array.from({length: 256}, (_, value) => {
  for (let i = 0; i < 8; i++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function chunk(name, data) {
  const bytes = new Uint8Array(12 + data.length), view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(data, 8);
  let crc = 0xffffffff;
  for (let i = 4; i < 8 + data.length; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  view.setUint32(8 + data.length, ~crc);
  return bytes;
}

let network, shown, watched = false;

async function load(name) {
  const response = await fetch(name).catch(() => null);
  if (!response || !response.ok) {
    throw new Refusal(`${name} could not be loaded (${response ? response.status : 'no network'}).`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function open({facts}) {
  let found;
  for (const name of MODULES) {
    const bytes = await load(name);
    if (!WebAssembly.validate(bytes)) continue;
    found = {name, module: await WebAssembly.compile(bytes)};
    break;
  }
  if (!found || typeof OffscreenCanvas === 'undefined') {
    throw new Refusal('This browser is too old: WebAssembly SIMD and OffscreenCanvas are wanted. '
      + 'Chrome and Edge from 91, Firefox from 113 and Safari from 16.4 on have them.');
  }
  network = new Network(facts, found.module, await load('ccnet.weights'), (row) => {
    if (watched && (row + 1) % PROGRESS_ROWS === 0) postMessage({kind: 'row', row: row + 1});
  });
  postMessage({kind: 'ready', module: found.name});
  // Browsers compile well only what has run for a while.
  network.segment();
  watched = true;
}

async function decode(file) {
  try {
    return await createImageBitmap(file, {premultiplyAlpha: 'none', colorSpaceConversion: 'none'});
  } catch {
    throw new Refusal('This picture could not be read: it is damaged, or of a kind that this '
      + 'browser does not know. PNG and JPEG always work.');
  }
}

/** NOTE: browsers give pixels by way of a canvas: 8 bits, and black where they are transparent. */
function read(bitmap) {
  const {width, height} = bitmap, input = new Input(network.facts, width, height);
  const canvas = new OffscreenCanvas(width, Math.min(STRIP, height));
  const context = canvas.getContext('2d', {alpha: false, willReadFrequently: true});
  if (!context) throw new Refusal(`This picture is too wide for this browser: ${width} pixels.`);
  for (let y = 0; y < height; y += STRIP) {
    const rows = Math.min(STRIP, height - y);
    context.fillRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, y, width, rows, 0, 0, width, rows);
    input.add(context.getImageData(0, 0, width, rows).data, rows);
  }
  input.normalise(network.image);
}

async function segment({file}) {
  if (!network) return;
  const begin = performance.now(), bitmap = await decode(file), {width, height} = bitmap;
  try {
    if (width * height > MOST_PIXELS) {
      throw new Refusal(`This picture is too large: ${width} × ${height} pixels.`);
    }
    read(bitmap);
  } finally {
    bitmap.close();
  }
  const middle = performance.now(), mask = network.segment(), end = performance.now();
  const counts = network.facts.classes.map(() => 0);
  for (const k of mask) counts[k]++;
  shown = {mask, width, height};
  const times = {readMs: middle - begin, segmentMs: end - middle};
  postMessage({kind: 'done', mask, counts, width, height, ...times});
}

async function save() {
  const {mask, width, height} = shown;
  postMessage({kind: 'saved', blob: await png(mask, network.facts, width, height)});
}

const ANSWERS = {open, segment, save};
let last = Promise.resolve();
// One after the other: what is asked while a picture is read waits for it.
onmessage = ({data}) => {
  last = last.then(() => ANSWERS[data.kind](data)).catch((error) => {
    const text = error instanceof Refusal ? error.message : `Something went wrong: ${error.message}`;
    postMessage({kind: 'failed', of: data.kind, text});
  });
};
