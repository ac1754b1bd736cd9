import assert from "node:assert/strict";
import { test } from "node:test";
import { Memory, Store, randomBits } from "../src/store.js";

const CHAT = { contactId: "c", participantId: "p", participantToken: "t", region: "us-east-1" };

test("a nonce is 128 bits in the alphabet that the API takes, never the same", () => {
  const made = new Set(Array.from({ length: 1000 }, randomBits));
  assert.equal(made.size, 1000);
  for (const nonce of made) {
    assert.match(nonce, /^[A-Za-z0-9_-]{22}$/);
    assert.equal(Buffer.from(nonce, "base64url").length, 16);
  }
});

test("a link keeps its nonce, another link has another", () => {
  const area = new Memory();
  const nonce = new Store(area).nonce("A");
  assert.equal(new Store(area).nonce("A"), nonce);
  assert.notEqual(new Store(area).nonce("B"), nonce);
});

test("a chat survives a reload with the token that it came from", () => {
  const area = new Memory();
  assert.equal(new Store(area).chat(), null);
  new Store(area).keep("A", CHAT);
  assert.deepEqual(new Store(area).chat(), { ...CHAT, token: "A" });
});

test("what is not a chat is none", () => {
  for (const kept of ["", "{", "null", "[]", "{}", JSON.stringify({ ...CHAT, contactId: 1 })]) {
    const area = new Memory();
    area.setItem("eventide-chat", kept);
    assert.equal(new Store(area).chat(), null, kept);
  }
});

test("clear leaves nothing of ours and everything of others", () => {
  const area = new Memory();
  const store = new Store(area);
  area.setItem("other", "1");
  store.nonce("A");
  store.nonce("B");
  store.keep("A", CHAT);
  store.choose("de");
  store.clear();
  assert.equal(area.length, 1);
  assert.equal(area.getItem("other"), "1");
});

test("without session storage the page remembers for itself", () => {
  assert.equal(globalThis.sessionStorage, undefined);
  const store = Store.open();
  store.keep("A", CHAT);
  assert.equal(store.chat().token, "A");
});
