/* One of a page's modules, driven by the page's own code. */
'use strict';

let net, logits;
const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());

async function answer({open, module}) {
  if (open) {
    importScripts(`${open}/worker.js`);
    onmessage = listen;
    const facts = await (await fetch(`${open}/facts.json`)).json();
    const compiled = new WebAssembly.Module(await bytes(`${open}/${module}`));
    net = new Network(facts, compiled, await bytes(`${open}/ccnet.weights`), () => {});
    net.image.set(new Float32Array((await bytes(`${open}/image`)).buffer));
    logits = new Float32Array(facts.outputs * facts.inputHeight * facts.inputWidth);
    return {};
  }
  const begin = performance.now();
  net.segment();
  return {ms: performance.now() - begin};
}

const listen = async ({data}) => {
  try {
    if (!data.finish) return postMessage(await answer(data));
    const memory = net.exports.memory.buffer.byteLength;
    net.segment(logits);
    postMessage({logits, memory});
  } catch (error) {
    postMessage({error: String(error)});
  }
};
onmessage = listen;
