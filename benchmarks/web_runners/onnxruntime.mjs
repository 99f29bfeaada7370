/* onnxruntime-web's engine for processors, with SIMD, on one thread. */
// Its memory, whichever way the module gets it.
const memories = [];
const Memory = WebAssembly.Memory;
WebAssembly.Memory = function (described) {
  memories.push(new Memory(described));
  return memories[memories.length - 1];
};
WebAssembly.Memory.prototype = Memory.prototype;
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (...given) => {
  const found = await instantiate.apply(WebAssembly, given);
  const {memory} = (found.instance || found).exports;
  if (memory) memories.push(memory);
  return found;
};

let ort, session, input, logits;

async function answer({open, finish}) {
  if (open) {
    ort = await import('./ort.wasm.min.mjs');
    ort.env.wasm.numThreads = 1;
    session = await ort.InferenceSession.create(`${open}/model.onnx`, {
      executionProviders: ['wasm'], graphOptimizationLevel: 'all',
    });
    const pixels = new Float32Array(await (await fetch(`${open}/image`)).arrayBuffer());
    const size = Math.sqrt(pixels.length / 3);
    input = new ort.Tensor('float32', pixels, [1, 3, size, size]);
    return {};
  }
  if (finish) {
    return {logits, memory: Math.max(0, ...memories.map(({buffer}) => buffer.byteLength))};
  }
  const begin = performance.now();
  const found = await session.run({[session.inputNames[0]]: input});
  const ms = performance.now() - begin;
  logits = found[session.outputNames[0]].data;
  return {ms};
}

onmessage = ({data}) => answer(data).then(postMessage, (error) => postMessage({error: String(error)}));
