// What is served: its size, what it may load, and its colours.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const LIMIT = 60_000;
const root = new URL("../", import.meta.url);
const read = (path) => readFile(new URL(path, root));
const text = async (path) => (await read(path)).toString();
const scripts = (await readdir(new URL("src/", root))).filter((name) => name.endsWith(".js")).sort();
const PAGES = ["dist/c", "dist/chat", "dist/expired"];

async function files(folder) {
  const found = await readdir(new URL(folder, root), { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`)
    .map((path) => path.slice(path.indexOf(folder) + folder.length).replace(/^\/+/, ""))
    .sort();
}

test("dist holds what the bucket is to hold, and nothing else", async () => {
  assert.deepEqual(
    await files("dist"),
    [
      ...[
        ...scripts,
        "chat.js",
        "brand.css",
        "icon.svg",
        "style.css",
        "texts/de.json",
        "texts/en.json",
        "texts/es.json",
      ].map((name) => `assets/${name}`),
      "c",
      "chat",
      "config.json",
      "expired",
    ].sort(),
  );
});

test("everything beside chatjs is at most 60 kB gzipped", async () => {
  let total = 0;
  for (const name of await files("dist"))
    if (name !== "assets/chat.js") total += gzipSync(await read(`dist/${name}`)).length;
  assert.ok(total > 1000 && total <= LIMIT, `${total} bytes`);
});

test("chatjs is the one that the lock file names, as it was published", async () => {
  const { packages } = JSON.parse(await text("package-lock.json"));
  assert.equal(packages["node_modules/amazon-connect-chatjs"].version, "5.0.0");
  assert.deepEqual(
    await read("dist/assets/chat.js"),
    await read("node_modules/amazon-connect-chatjs/dist/amazon-connect-chat.js"),
  );
});

test("the lock file has a checksum for every package and the address of none", async () => {
  const { packages } = JSON.parse(await text("package-lock.json"));
  for (const [name, { integrity, resolved }] of Object.entries(packages)) {
    assert.equal(resolved, undefined, name);
    if (name) assert.match(integrity, /^sha512-/, name);
  }
});

test("the pages have no inline script or style and load only from their own origin", async () => {
  for (const page of PAGES) {
    const html = await text(page);
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|javascript:/i, page);
    for (const [, attributes, inside] of html.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)) {
      assert.match(attributes, /src="\/assets\//, page);
      assert.equal(inside, "", page);
    }
    const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address);
    assert.ok(addresses.length > 5);
    for (const address of addresses) {
      assert.match(address, /^\/assets\//, page);
      await read(`dist${address}`);
    }
  }
});

test("the landing page and the running chat are one page, the expired one has another name", async () => {
  assert.equal(await text("dist/c"), await text("dist/chat"));
  assert.equal(
    (await text("dist/expired")).replace('data-page="expired"', 'data-page="chat"'),
    await text("dist/c"),
  );
});

test("the pages announce every module, so that none waits for another", async () => {
  const reached = new Set();
  const follow = async (name) => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const [, next] of (await text(`src/${name}`)).matchAll(/^import .* from "\.\/(.*)";$/gm))
      await follow(next);
  };
  await follow("app.js");
  assert.deepEqual([...reached].sort(), scripts);
  for (const page of PAGES) {
    const announced = [...(await text(page)).matchAll(/rel="modulepreload" href="\/assets\/(.*)"/g)].map(
      ([, name]) => name,
    );
    assert.deepEqual([...announced, "app.js"].sort(), scripts, page);
  }
});

test("the scripts put no markup, no code and no address of another origin into the page", async () => {
  for (const name of scripts) {
    const code = (await text(`src/${name}`)).replace(/\/\/ .*/g, "");
    assert.doesNotMatch(
      code,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|\.style\b/,
      name,
    );
    assert.doesNotMatch(code, /["'`](?:https?|wss?):\/\//, name);
  }
});

test("the colours have the contrast that WCAG 2.2 AA asks for, in the light and in the dark", async () => {
  const css = await text("src/brand.css");
  const [light, dark] = css.split("@media");
  const colours = (part) =>
    Object.fromEntries([...part.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map((m) => [m[1], m[2]]));
  assert.deepEqual(Object.keys(colours(dark)), Object.keys(colours(light)));
  const readable = [
    ["text", "page"],
    ["text", "surface"],
    ["muted", "surface"],
    ["accent", "surface"],
    ["accent", "page"],
    ["accent-text", "accent"],
    ["own-text", "own"],
    ["other-text", "other"],
    ["danger", "surface"],
    ["notice-text", "notice"],
  ];
  const visible = [
    ["line", "surface"],
    ["line", "page"],
    ["accent", "surface"],
  ];
  for (const part of [light, dark]) {
    const colour = colours(part);
    for (const [front, back] of readable)
      assert.ok(contrast(colour[front], colour[back]) >= 4.5, `${front} on ${back}`);
    for (const [front, back] of visible)
      assert.ok(contrast(colour[front], colour[back]) >= 3, `${front} on ${back}`);
  }
});

/** The contrast ratio of WCAG. */
function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
