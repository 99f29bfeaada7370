/* Runs parts of a page's worker in node: node page.cjs FOLDER TASK.json, results beside the task. */
'use strict';
const fs = require('fs');
const path = require('path');
const vm = require('vm');

const [folder, file] = process.argv.slice(2);
globalThis.postMessage = () => {};
globalThis.onmessage = null;
vm.runInThisContext(fs.readFileSync(path.join(folder, 'worker.js'), 'utf8'));
const {Input, Network, png} = vm.runInThisContext('({Input, Network, png})');
const {facts, ...task} = JSON.parse(fs.readFileSync(file, 'utf8'));
const read = (name) => fs.readFileSync(path.join(path.dirname(file), name));
const write = (name, values) => fs.writeFileSync(path.join(path.dirname(file), name), values);
const floats = (bytes) => new Float32Array(new Uint8Array(bytes).buffer);

/** The module's mask and logits of a normalised image, and the size of its memory. */
function segment({module, image}) {
  const bytes = fs.readFileSync(path.join(folder, module));
  if (!WebAssembly.validate(bytes)) return write('unknown', '');
  const weights = fs.readFileSync(path.join(folder, 'ccnet.weights'));
  const rows = [];
  const network = new Network(facts, new WebAssembly.Module(bytes), weights, (y) => rows.push(y));
  write('memory', String(network.exports.memory.buffer.byteLength));
  network.image.set(floats(read(image)));
  const logits = new Float32Array(facts.outputs * facts.inputHeight * facts.inputWidth);
  write('mask', network.segment(logits));
  write('logits', logits);
  if (rows.some((y, i) => y !== i) || rows.length !== facts.inputHeight) throw new Error('rows are missing');
}

/** Pictures of red, green, blue and alpha as the network's input. */
function scale({pictures}) {
  for (const {name, width, height, facts: asked} of pictures) {
    const pixels = read(name), input = new Input(asked, width, height), out = new Float32Array(
      asked.channels * asked.inputHeight * asked.inputWidth);
    for (let y = 0; y < height; y += 7) {
      const rows = Math.min(7, height - y);
      input.add(pixels.subarray(4 * y * width, 4 * (y + rows) * width), rows);
    }
    input.normalise(out);
    write(`${name}.out`, out);
  }
}

async function save({mask, sizes}) {
  for (const [width, height] of sizes) {
    const blob = await png(read(mask), facts, width, height);
    write(`${width}x${height}.png`, Buffer.from(await blob.arrayBuffer()));
  }
}

({segment, scale, save})[task.does](task);
