import assert from "node:assert/strict";
import { test } from "node:test";
import { entryOf } from "../src/messages.js";
import { Transcript } from "../src/transcript.js";

const EVENT = "application/vnd.amazonaws.connect.event.";
const AGENT = { ParticipantId: "a", ParticipantRole: "AGENT", DisplayName: "Ana" };
const CUSTOMER = { ParticipantId: "me", ParticipantRole: "CUSTOMER", DisplayName: "Kim" };
const at = (second) => new Date(Date.UTC(2026, 10, 27, 10, 0, second)).toISOString();

const message = (id, second, who, text = id) =>
  entryOf(
    { Type: "MESSAGE", ContentType: "text/plain", Content: text, Id: id, AbsoluteTime: at(second), ...who },
    "me",
  );
const event = (id, second, name, who = AGENT) =>
  entryOf({ Type: "EVENT", ContentType: EVENT + name, Id: id, AbsoluteTime: at(second), ...who }, "me");
const shown = (transcript) =>
  transcript.entries.map(({ id, key, state }) => (state ? `${id ?? key} ${state}` : id));

test("items become messages, notes, or nothing", () => {
  assert.equal(message("1", 0, AGENT).from, "agent");
  assert.equal(message("1", 0, CUSTOMER).from, "own");
  assert.equal(message("1", 0, { ParticipantRole: "CUSTOM_BOT", ParticipantId: "b" }).from, "service");
  assert.equal(message("1", 0, { ParticipantRole: "SYSTEM", ParticipantId: "s" }).from, "service");
  assert.equal(event("1", 0, "participant.joined").note, "joined");
  assert.equal(event("1", 0, "participant.left").note, "left");
  assert.equal(event("1", 0, "chat.ended", {}).note, "ended");
  assert.equal(event("1", 0, "transfer.succeeded", {}).note, "transferred");
  for (const [name, who] of [
    ["participant.joined", CUSTOMER],
    ["participant.left", CUSTOMER],
    ["participant.joined", { ParticipantRole: "SYSTEM" }],
    ["typing", AGENT],
    ["participant.idle", CUSTOMER],
  ]) {
    assert.equal(event("1", 0, name, who), null, name);
  }
});

test("what cannot be shown is told, not hidden", () => {
  const item = {
    Type: "MESSAGE",
    ContentType: "application/vnd.amazonaws.connect.message.interactive",
    Id: "1",
    ...AGENT,
  };
  assert.equal(entryOf(item, "me").note, "unsupported");
  assert.equal(entryOf({ Type: "ATTACHMENT", Id: "2", ...AGENT }, "me").note, "attachment");
  assert.equal(entryOf({ Type: "MESSAGE_METADATA" }, "me"), null);
});

test("an item that comes twice is there once", () => {
  const transcript = new Transcript();
  assert.ok(transcript.add(message("1", 0, AGENT)));
  assert.ok(!transcript.add(message("1", 0, AGENT)));
  assert.deepEqual(shown(transcript), ["1"]);
});

test("items stand in the order of their time, whatever the order in which they came", () => {
  const transcript = new Transcript();
  for (const second of [3, 1, 2, 5, 4]) transcript.add(message(String(second), second, AGENT));
  assert.deepEqual(shown(transcript), ["1", "2", "3", "4", "5"]);
});

test("items of one time keep the order in which they came", () => {
  const transcript = new Transcript();
  for (const id of ["b", "a", "c"]) transcript.add(message(id, 1, AGENT));
  assert.deepEqual(shown(transcript), ["b", "a", "c"]);
});

test("an own message is last until it is sent, then where its time puts it", () => {
  const transcript = new Transcript();
  transcript.pend("k", "hello");
  transcript.add(message("1", 2, AGENT));
  assert.deepEqual(shown(transcript), ["1", "k sending"]);
  transcript.sent("k", "2", Date.parse(at(1)));
  assert.deepEqual(shown(transcript), ["2 sent", "1"]);
});

test("an own message is there once, whichever comes first: the answer or the message itself", () => {
  const first = new Transcript();
  first.pend("k", "hello");
  first.sent("k", "1", Date.parse(at(1)));
  first.add(message("1", 1, CUSTOMER, "hello"));
  assert.deepEqual(shown(first), ["1 sent"]);

  const second = new Transcript();
  second.pend("k", "hello");
  second.add(message("1", 1, CUSTOMER, "hello"));
  assert.deepEqual(shown(second), ["1 sent"]);
  second.sent("k", "1", Date.parse(at(1)));
  assert.deepEqual(shown(second), ["1 sent"]);
});

test("two own messages with the same words are two", () => {
  const transcript = new Transcript();
  transcript.pend("k", "yes");
  transcript.pend("l", "yes");
  transcript.add(message("2", 2, CUSTOMER, "yes"));
  transcript.sent("k", "1", Date.parse(at(1)));
  transcript.add(message("1", 1, CUSTOMER, "yes"));
  transcript.sent("l", "2", Date.parse(at(2)));
  assert.deepEqual(shown(transcript), ["1 sent", "2 sent"]);
});

test("a message whose answer was lost counts as sent when it turns up", () => {
  const transcript = new Transcript();
  transcript.pend("k", "hello");
  transcript.failed("k");
  assert.deepEqual(shown(transcript), ["k failed"]);
  transcript.add(message("1", 1, CUSTOMER, "hello"));
  transcript.failed("k");
  assert.deepEqual(shown(transcript), ["1 sent"]);
});

test("a failed message can be sent again", () => {
  const transcript = new Transcript();
  transcript.pend("k", "hello");
  transcript.failed("k");
  transcript.sending("k");
  assert.deepEqual(shown(transcript), ["k sending"]);
});

test("where the chat stands follows who came and went", () => {
  const transcript = new Transcript();
  const standing = () => Object.values(transcript.standing).join(" ").trim();
  assert.equal(standing(), "waiting");
  transcript.add(event("1", 1, "participant.joined"));
  assert.equal(standing(), "connected Ana");
  transcript.add(event("2", 2, "participant.joined", { ...AGENT, ParticipantId: "b", DisplayName: "Ben" }));
  assert.equal(standing(), "connected Ben");
  transcript.add(event("3", 3, "participant.left", { ...AGENT, ParticipantId: "b", DisplayName: "Ben" }));
  assert.equal(standing(), "connected Ana");
  transcript.add(event("4", 4, "participant.left"));
  assert.equal(standing(), "waiting");
  transcript.add(event("5", 5, "chat.ended", {}));
  assert.equal(standing(), "ended");
});

test("an agent whose leaving arrives before their joining has left", () => {
  const transcript = new Transcript();
  transcript.add(event("2", 2, "participant.left"));
  transcript.add(event("1", 1, "participant.joined"));
  assert.equal(transcript.standing.state, "waiting");
});
