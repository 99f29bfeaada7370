/* What is seen: pictures go to the worker, masks come back and are drawn over them. */
'use strict';

const at = (id) => document.getElementById(id);
const facts = JSON.parse(at('facts').textContent);
// How much more of its outline than of its inside a region shows.
const OUTLINE = 3;

let worker, file, mask, outline;

/* ---- files kept on the device --------------------------------------------------------- */

/** Ends when the page's files are kept, or when it is clear that they cannot be. */
async function keep() {
  if (!window.isSecureContext || !navigator.serviceWorker) {
    at('kept').textContent = 'Not kept for use without a network: that needs an address that '
      + 'begins with https://, or this device\'s own.';
    return;
  }
  const asked = navigator.serviceWorker.controller;
  try {
    const registration = await navigator.serviceWorker.register('sw.js', {updateViaCache: 'none'});
    if (asked) {
      watch(registration);
      registration.update().catch(() => {}); // there may be no network
    } else if (!registration.active) {
      await settled(registration.installing || registration.waiting);
    }
    at('kept').textContent = 'Kept on this device: works without a network.';
  } catch (error) {
    at('kept').textContent = `Not kept for use without a network: ${error.message}`;
    if (asked) at('kept').textContent = 'Works without a network; there is none now.';
  }
}

function settled(installing) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (installing.state === 'activated') resolve();
      if (installing.state === 'redundant') reject(new Error('its files could not be loaded.'));
    };
    installing.addEventListener('statechange', look);
    look();
  });
}

/** A newer version takes over at once while no picture would be lost, else when it is asked to. */
function watch(registration) {
  const offer = () => {
    if (!registration.waiting) return;
    const restart = () => registration.waiting.postMessage('take over');
    navigator.serviceWorker.addEventListener('controllerchange', () => location.reload());
    if (!file) {
      restart();
    } else {
      at('update').hidden = false;
      at('restart').onclick = restart;
    }
  };
  registration.addEventListener('updatefound', () => {
    const found = registration.installing;
    found.addEventListener('statechange', () => found.state === 'installed' && offer());
  });
  offer();
}

/* ---- pictures -------------------------------------------------------------------------- */

function choose(chosen) {
  if (!chosen || at('choose').disabled) return;
  file = chosen;
  mask = null;
  problem('');
  allow(false);
  URL.revokeObjectURL(at('picture').src);
  at('picture').src = URL.createObjectURL(file);
  at('stack').hidden = false;
  at('empty').hidden = true;
  at('save').disabled = true;
  at('scaled').textContent = '';
  at('status').textContent = 'Reading the picture …';
  shares(facts.classes.map(() => null));
  draw();
  worker.postMessage({kind: 'segment', file});
}

function allow(given) {
  for (const input of ['choose', 'take']) at(input).disabled = !given;
  at('actions').classList.toggle('off', !given);
  at('progress').hidden = true;
}

function problem(text) {
  at('problem').textContent = text;
  at('problem').hidden = !text;
}

/* ---- what the worker says ------------------------------------------------------------- */

const SAID = {
  ready({module}) {
    document.body.dataset.module = module;
    at('status').textContent = 'Ready.';
    allow(true);
  },
  row({row}) {
    if (at('choose').disabled && file) {
      at('status').textContent = 'Segmenting …';
      at('progress').hidden = false;
      at('progress').value = row;
    }
  },
  done({mask: found, counts, width, height, readMs, segmentMs}) {
    mask = found;
    outline = outlineOf(mask);
    at('status').textContent = `Segmented in ${Math.round(segmentMs)} ms.`;
    at('scaled').textContent = `${size(width, height)} pixels, ${scaling(width, height)} in `
      + `${Math.round(readMs)} ms.`;
    shares(counts.map((count) => count / mask.length));
    draw();
    allow(true);
    at('save').disabled = false;
    document.body.dataset.done = String(Number(document.body.dataset.done || 0) + 1);
  },
  saved({blob}) {
    const link = document.createElement('a'), address = URL.createObjectURL(blob);
    link.href = address;
    link.download = `${file.name.replace(/\.[^.]*$/, '') || 'picture'}-mask.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  },
  failed({of, text}) {
    problem(text);
    at('status').textContent = of === 'open' ? 'The network is not there.' : 'No result.';
    if (of === 'open') return;
    allow(true);
    if (of === 'segment') {
      file = null;
      at('stack').hidden = true;
      at('empty').hidden = false;
    }
  },
};

const size = (width, height) => `${width} × ${height}`;

function scaling(width, height) {
  const to = size(facts.width, facts.height);
  if (width === facts.width && height === facts.height) return 'the network\'s own size, read';
  const stretched = Math.abs(width * facts.height / (height * facts.width) - 1) > 0.01;
  return `read and scaled to ${to} for the network${stretched ? ', proportions changed,' : ''}`;
}

/* ---- drawing ----------------------------------------------------------------------------- */

/** 1 where a neighbour of another class is inside the picture. */
function outlineOf(labels) {
  const {width, height} = facts, found = new Uint8Array(labels.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const own = labels[i];
      found[i] = (x > 0 && labels[i - 1] !== own) || (x < width - 1 && labels[i + 1] !== own)
        || (y > 0 && labels[i - width] !== own) || (y < height - 1 && labels[i + width] !== own);
    }
  }
  return found;
}

function draw() {
  const context = at('mask').getContext('2d'), opacity = at('opacity').value / 100;
  context.clearRect(0, 0, facts.width, facts.height);
  at('percent').textContent = `${at('opacity').value} %`;
  if (!mask) return;
  const image = context.createImageData(facts.width, facts.height);
  const alphas = [opacity, Math.min(1, OUTLINE * opacity)].map((share) => Math.round(255 * share));
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    const [red, green, blue] = facts.classes[mask[i]].colour;
    image.data[4 * i] = red;
    image.data[4 * i + 1] = green;
    image.data[4 * i + 2] = blue;
    image.data[4 * i + 3] = alphas[outline[i]];
  }
  context.putImageData(image, 0, 0);
}

/** The mask lies where the picture is. */
function fit() {
  const {width, height} = at('picture').getBoundingClientRect();
  at('mask').style.width = `${width}px`;
  at('mask').style.height = `${height}px`;
}

function shares(found) {
  const cells = at('classes').querySelectorAll('td');
  found.forEach((share, k) => {
    cells[k].textContent = share === null ? '–' : `${(100 * share).toFixed(2)} %`;
  });
}

function legend() {
  facts.classes.forEach(({name, colour}, k) => {
    const row = at('classes').insertRow(), head = document.createElement('th');
    const swatch = document.createElement('span');
    head.scope = 'row';
    swatch.className = 'colour';
    if (k) swatch.style.background = `rgb(${colour})`; // the first is not drawn
    head.append(swatch, name);
    row.append(head);
    row.insertCell();
  });
  shares(facts.classes.map(() => null));
}

/* ---- beginning --------------------------------------------------------------------------- */

function listen() {
  for (const id of ['choose', 'take']) {
    at(id).addEventListener('change', (event) => {
      choose(event.target.files[0]);
      event.target.value = ''; // the same file may be chosen again
    });
  }
  const phone = matchMedia('(pointer: coarse)').matches;
  at('take').hidden = at('taking').hidden = !phone;
  at('opacity').addEventListener('input', draw);
  at('save').addEventListener('click', () => worker.postMessage({kind: 'save'}));
  at('picture').addEventListener('load', fit);
  at('picture').addEventListener('error', () => { at('stack').hidden = true; });
  new ResizeObserver(fit).observe(at('picture'));
  const stage = at('stage');
  stage.addEventListener('dragover', (event) => {
    event.preventDefault();
    stage.classList.add('over');
  });
  stage.addEventListener('dragleave', () => stage.classList.remove('over'));
  stage.addEventListener('drop', (event) => {
    event.preventDefault();
    stage.classList.remove('over');
    choose(event.dataTransfer.files[0]);
  });
  addEventListener('paste', (event) => choose(event.clipboardData.files[0]));
}

async function begin() {
  legend();
  listen();
  if (location.protocol === 'file:' || !window.Worker || !window.WebAssembly) {
    problem(location.protocol === 'file:'
      ? 'Browsers do not let a page load a network from a file. Serve this folder, for instance '
        + 'with "python3 -m http.server", and open the address that it prints.'
      : 'This browser has no WebAssembly.');
    at('status').textContent = 'The network is not there.';
    return;
  }
  await keep();
  worker = new Worker('worker.js');
  worker.onmessage = ({data}) => SAID[data.kind](data);
  worker.onerror = (event) => SAID.failed({of: 'open', text: `Something went wrong: ${event.message}`});
  worker.postMessage({kind: 'open', facts});
}

begin();
