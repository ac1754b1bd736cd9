import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { LANGUAGES, Texts, choose, fill } from "../src/texts.js";

const source = new URL("../src/", import.meta.url);
const read = async (path) => readFile(new URL(path, source), "utf8");
const tables = Object.fromEntries(
  await Promise.all(
    Object.keys(LANGUAGES).map(async (tag) => [tag, JSON.parse(await read(`texts/${tag}.json`))]),
  ),
);

/** As much of a node as texts need. */
class Node {
  isConnected = true;
  textContent = "";
  attributes = {};

  setAttribute(name, value) {
    this.attributes[name] = value;
  }
}

function texts(overrides) {
  globalThis.document = { documentElement: {} };
  return new Texts(overrides, async (path) => {
    const tag = /\/assets\/texts\/(\w+)\.json/.exec(path)[1];
    return tables[tag] ? Response.json(tables[tag]) : new Response("", { status: 403 });
  });
}

test("every language has every text, with the same places for values, and none is empty", () => {
  const values = (text) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();
  const keys = Object.keys(tables.en);
  for (const [tag, table] of Object.entries(tables)) {
    assert.deepEqual(Object.keys(table), keys, tag);
    for (const key of keys) {
      assert.ok(table[key].trim(), `${tag} ${key}`);
      assert.deepEqual(values(table[key]), values(tables.en[key]), `${tag} ${key}`);
    }
  }
});

test("no text was left in English", () => {
  const same = (tag) => Object.keys(tables.en).filter((key) => tables[tag][key] === tables.en[key]);
  assert.deepEqual(same("es"), ["chat.heading"]);
  assert.deepEqual(same("de"), ["chat.heading", "service"]);
});

test("the languages there are files for are the ones that can be chosen", async () => {
  const files = (await readdir(new URL("texts/", source))).map((name) => name.replace(".json", ""));
  assert.deepEqual(files.sort(), Object.keys(LANGUAGES).sort());
});

test("every text that the page asks for is there, and every text there is asked for", async () => {
  const scripts = (await readdir(source)).filter((name) => name.endsWith(".js"));
  const code = (await Promise.all(scripts.map(read))).join("\n");
  const names = (pattern) => [...code.matchAll(pattern)].map(([, name]) => name);
  const parts = (prefix, names) => names.map((name) => `${prefix}.${name}`);
  const views = [...names(/show\("(\w+)"/g), "busy", "network"];
  const asked = new Set([
    ...names(/\.(?:say|label|get)\([^"]*?"([\w.-]+)"\)?/g).filter((name) => !name.startsWith("aria-")),
    ...names(/"aria-label", "([\w.]+)"/g),
    ...names(/#say\("([\w.]+)"/g),
    ...names(/(?:label|running): "([\w.]+)"/g),
    ...names(/"(\w+\.(?:heading|text|once))"/g),
    ...views.flatMap((view) => [`${view}.heading`, `${view}.text`]),
    ...parts("state", ["connecting", "waiting", "connected", "offline", "ended"]),
    ...parts("message", ["sending", "sent", "failed"]),
    ...parts("note", ["joined", "left", "transferred", "ended", "attachment", "unsupported"]),
  ]);
  const all = Object.keys(tables.en);
  const unasked = all.filter((key) => !asked.has(key) && !code.includes(`"${key}"`));
  assert.deepEqual(unasked, []);
  const known = [...asked].filter((name) => /\./.test(name));
  assert.deepEqual(
    known.filter((key) => !all.includes(key)),
    [],
  );
});

test("a language is chosen by its first part, in the order wanted", () => {
  assert.equal(choose(["fr-CH", "de-AT", "en"]), "de");
  assert.equal(choose([null, undefined, "ES_mx"]), "es");
  assert.equal(choose(["fr", "toString", ""]), "en");
  assert.equal(choose([]), "en");
});

test("values are put in as text, unknown places stay", () => {
  assert.equal(fill("{name} and {other}", { name: "{other}$&" }), "{other}$& and {other}");
});

test("what was said is said again in the next language, with the value of that moment", async () => {
  const page = texts();
  await page.use("en");
  let name = "Ana";
  const node = page.say(new Node(), "typing", { name: () => name });
  const labelled = page.label(new Node(), "aria-label", "chat.log");
  assert.equal(node.textContent, "Ana is typing");
  name = "Eva";
  await page.use("de");
  assert.equal(node.textContent, "Eva schreibt");
  assert.equal(labelled.attributes["aria-label"], "Nachrichten");
  assert.equal(document.documentElement.lang, "de");
  page.silence(node);
  await page.use("es");
  assert.equal(node.textContent, "");
});

test("the brand's own texts go before, language by language", async () => {
  const page = texts({ en: { "landing.start": "Go" } });
  await page.use("en");
  assert.equal(page.get("landing.start"), "Go");
  assert.equal(page.get("chat.send"), "Send");
  await page.use("de");
  assert.equal(page.get("landing.start"), "Chat starten");
});

test("a language that cannot be had changes nothing", async () => {
  const page = texts();
  await page.use("en");
  await assert.rejects(page.use("xx"), /no texts for `xx`/);
  assert.equal(page.language, "en");
  assert.equal(document.documentElement.lang, "en");
});
