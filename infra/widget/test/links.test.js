import assert from "node:assert/strict";
import { test } from "node:test";
import { pieces } from "../src/links.js";

const hrefs = (text) =>
  pieces(text)
    .filter(({ href }) => href)
    .map(({ href }) => href);

test("the pieces make up the text again", () => {
  for (const text of [
    "",
    "plain",
    "https://a.example",
    "x https://a.example/b?c=d#e, y https://b.example. z",
  ]) {
    assert.equal(
      pieces(text)
        .map((piece) => piece.text)
        .join(""),
      text,
    );
  }
});

test("an address is a link, without what the sentence puts behind it", () => {
  assert.deepEqual(pieces("See https://a.example/b."), [
    { text: "See " },
    { text: "https://a.example/b", href: "https://a.example/b" },
    { text: "." },
  ]);
  assert.deepEqual(hrefs('(https://a.example/b), "https://a.example/c"!'), [
    "https://a.example/b",
    "https://a.example/c",
  ]);
  assert.deepEqual(hrefs("https://a.example/wiki/B_(c)"), ["https://a.example/wiki/B_(c)"]);
  assert.deepEqual(hrefs("(https://a.example/wiki/B_(c))"), ["https://a.example/wiki/B_(c)"]);
});

test("nothing but https becomes a link", () => {
  for (const text of [
    "http://a.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://a.example",
    "www.a.example",
    "a@b.example",
    "https://",
    "https://:80",
    "//a.example",
  ])
    assert.deepEqual(hrefs(text), [], text);
});

test("an address with a user name is no link: it may look like another host", () => {
  assert.deepEqual(hrefs("https://bank.example@evil.example/"), []);
  assert.deepEqual(hrefs("https://bank.example:secret@evil.example/"), []);
});

test("markup ends an address and stays text", () => {
  assert.deepEqual(
    pieces('<a href="https://a.example">b</a>').map(({ text }) => text),
    ['<a href="', "https://a.example", '">b</a>'],
  );
});

test("a long run of brackets takes no time", () => {
  const started = performance.now();
  pieces(`https://a.example/${"(".repeat(500)}${")".repeat(523)}`);
  assert.ok(performance.now() - started < 500);
});
