import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { checked, loadConfig } from "../src/config.js";

const DEFAULTS = { name: "", logo: null, language: "en", privacy: "", texts: {} };

test("the configuration here is taken as it is", async () => {
  const raw = JSON.parse(await readFile(new URL("../config.json", import.meta.url)));
  assert.deepEqual(checked(raw), raw);
});

test("what is missing or of the wrong kind is left out", () => {
  assert.deepEqual(checked({}), DEFAULTS);
  assert.deepEqual(checked(null), DEFAULTS);
  assert.deepEqual(checked({ name: 1, logo: "x", language: [], privacy: {}, texts: null }), DEFAULTS);
  assert.deepEqual(checked({ texts: { en: { a: "b", c: 1 }, es: null } }).texts, { en: { a: "b" }, es: {} });
});

test("a logo is of this origin and of known size", () => {
  const logo = { path: "/assets/logo.svg", width: 120, height: 32 };
  assert.deepEqual(checked({ logo }).logo, logo);
  for (const wrong of [
    { path: "https://a.example/b" },
    { path: "//a.example/b" },
    { width: 0 },
    { height: undefined },
  ]) {
    assert.equal(checked({ logo: { ...logo, ...wrong } }).logo, null, JSON.stringify(wrong));
  }
});

test("the privacy link is https or of this origin", () => {
  for (const good of ["https://a.example/p", "/assets/privacy.html"])
    assert.equal(checked({ privacy: good }).privacy, good);
  for (const bad of ["http://a.example", "javascript:alert(1)", "//a.example"])
    assert.equal(checked({ privacy: bad }).privacy, "");
});

test("a page that cannot have its configuration works without", async () => {
  assert.deepEqual(await loadConfig(async () => new Response("", { status: 403 })), DEFAULTS);
  assert.deepEqual(await loadConfig(async () => new Response("{")), DEFAULTS);
  assert.deepEqual(
    await loadConfig(async () => {
      throw new TypeError("Failed to fetch");
    }),
    DEFAULTS,
  );
});
