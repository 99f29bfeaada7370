/* Keeps the page on the device: all of its files under one version, which is their hash. */
'use strict';

const VERSION = '@VERSION@';
// Name → SHA-256, so that a version is never a mixture of two.
const FILES = @FILES@;
const PREFIX = `ccnet ${self.registration.scope} `;
const CACHE = PREFIX + VERSION;
const INDEX = 'index.html';

const address = (name) => new URL(name, self.registration.scope).href;

async function fetchChecked(name, wanted) {
  const response = await fetch(address(name), {cache: 'no-cache'});
  const bytes = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (!response.ok || found !== wanted) throw new Error(`${name} is not of version ${VERSION}`);
  return new Response(bytes, {headers: {'Content-Type': response.headers.get('Content-Type') || ''}});
}

async function fill() {
  const found = await Promise.all(
    Object.entries(FILES).map(async ([name, hash]) => [name, await fetchChecked(name, hash)]));
  const cache = await caches.open(CACHE);
  await Promise.all(found.map(([name, response]) => cache.put(address(name), response)));
}

async function tidy() {
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function answer(request, name) {
  const cache = await caches.open(CACHE);
  return (await cache.match(address(name))) || fetch(request);
}

self.addEventListener('install', (event) => event.waitUntil(fill()));
self.addEventListener('activate', (event) => event.waitUntil(tidy()));
// The page asks for it when nothing would be lost.
self.addEventListener('message', (event) => {
  if (event.data === 'take over') self.skipWaiting();
});
self.addEventListener('fetch', (event) => {
  const url = event.request.url.split(/[?#]/)[0];
  if (event.request.method !== 'GET' || !url.startsWith(self.registration.scope)) return;
  const name = url.slice(self.registration.scope.length) || INDEX;
  if (Object.keys(FILES).includes(name)) event.respondWith(answer(event.request, name));
});
