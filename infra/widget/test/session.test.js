import assert from "node:assert/strict";
import { test } from "node:test";
import { Session } from "../src/session.js";

const DETAILS = { contactId: "c", participantId: "me", participantToken: "t", region: "eu-central-1" };
const DENIED = { _debug: { reason: "Failed to fetch connectionDetails", _debug: { statusCode: 403 } } };

/** What chatjs gives a page, and the service behind it: a transcript in pages, calls made to fail. */
class Service {
  created = [];
  config = null;
  transcript = [];
  asked = [];
  fail = {};

  setGlobalConfig(config) {
    this.config = config;
  }

  create(options) {
    const chat = { options, handlers: {} };
    for (const name of [
      "Message",
      "Typing",
      "ConnectionLost",
      "ConnectionBroken",
      "Ended",
      "ConnectionEstablished",
    ]) {
      chat[`on${name}`] = (handler) => {
        chat.handlers[name] = handler;
      };
    }
    chat.connect = () => this.#call("connect");
    chat.sendMessage = (args) =>
      this.#call("sendMessage", args, { Id: "sent", AbsoluteTime: "2026-11-27T10:00:00Z" });
    chat.sendEvent = (args) => this.#call("sendEvent", args);
    chat.disconnectParticipant = () => this.#call("disconnectParticipant");
    chat.getTranscript = (args) => this.#call("getTranscript", args, this.#page(args));
    this.created.push(chat);
    return chat;
  }

  get chat() {
    return this.created.at(-1);
  }

  fire(name, event = {}) {
    this.chat.handlers[name](event);
  }

  #page({ nextToken }) {
    const end = nextToken ? Number(nextToken) : this.transcript.length;
    const start = Math.max(0, end - 2);
    return {
      Transcript: this.transcript.slice(start, end),
      NextToken: start > 0 ? String(start) : undefined,
    };
  }

  async #call(name, args, data = {}) {
    this.asked.push({ name, args });
    if (this.fail[name]) throw this.fail[name];
    return { data };
  }
}

/** A session whose waits, or those up to so many milliseconds, end when the test says so; `told` is what it told. */
function setUp(details = DETAILS) {
  const service = new Service();
  const told = [];
  const waits = new Set();
  const listener = {
    items: (items) => told.push(...items.map(({ Id }) => `item ${Id}`)),
    typing: ({ DisplayName }) => told.push(`typing ${DisplayName}`),
    online: () => told.push("online"),
    offline: () => told.push("offline"),
    loaded: () => told.push("loaded"),
    ended: () => told.push("ended"),
  };
  const wait = (run, ms) => {
    const entry = { run, ms };
    waits.add(entry);
    return () => waits.delete(entry);
  };
  const pass = async (longest = Infinity) => {
    for (const entry of [...waits].filter(({ ms }) => ms <= longest)) {
      waits.delete(entry);
      entry.run();
    }
    await settled();
  };
  return { service, told, waits, pass, session: new Session(async () => service, details, listener, wait) };
}

async function settled() {
  for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
}

const items = (...ids) => ids.map((Id) => ({ Id }));

test("joins as the customer, in the region, without metrics or receipts", async () => {
  const { service, session } = setUp();
  await session.start();
  assert.equal(service.config.region, "eu-central-1");
  assert.ok(!("endpoint" in service.config));
  assert.equal(service.config.features.messageReceipts.shouldSendMessageReceipts, false);
  assert.deepEqual(service.chat.options, {
    chatDetails: { contactId: "c", participantId: "me", participantToken: "t" },
    type: "CUSTOMER",
    options: { region: "eu-central-1" },
    disableCSM: true,
  });
});

test("takes the endpoint that it is given", async () => {
  const { service, session } = setUp({ ...DETAILS, participantEndpoint: "http://127.0.0.1:1" });
  await session.start();
  assert.equal(service.config.endpoint, "http://127.0.0.1:1");
});

test("loads the whole transcript, page by page", async () => {
  const { service, told, session } = setUp();
  service.transcript = items("1", "2", "3", "4", "5");
  await session.start();
  assert.deepEqual(told, ["item 4", "item 5", "item 2", "item 3", "item 1", "loaded"]);
});

test("a message that arrives first does not cut the transcript short", async () => {
  const { service, told, session } = setUp();
  service.transcript = items("1", "2", "3", "4", "5");
  const started = session.start();
  await Promise.resolve()
    .then(() => {})
    .then(() => service.fire("Message", { data: { Id: "5" } }));
  await started;
  assert.ok(told.includes("item 1"));
});

test("is online when the socket is open, not when `connect` succeeds", async () => {
  const { service, told, session } = setUp();
  await session.start();
  service.fire("ConnectionEstablished", { connectSuccess: true });
  assert.ok(!told.includes("online"));
  service.fire("ConnectionEstablished", { data: {} });
  assert.ok(told.includes("online"));
});

test("looks again for what was said before the subscription", async () => {
  const { service, told, pass, session } = setUp();
  await session.start();
  service.fire("ConnectionEstablished", { data: {} });
  await settled();
  service.transcript = items("1");
  assert.ok(!told.includes("item 1"));
  await pass();
  assert.ok(told.includes("item 1"));
});

test("after a loss fetches back to what it had, no further", async () => {
  const { service, told, session } = setUp();
  service.transcript = items("1", "2", "3", "4");
  await session.start();
  service.fire("ConnectionLost");
  service.transcript = items("1", "2", "3", "4", "5", "6", "7");
  told.length = 0;
  service.asked.length = 0;
  service.fire("ConnectionEstablished", { data: {} });
  await settled();
  assert.deepEqual(told, ["online", "item 6", "item 7", "item 4", "item 5", "loaded"]);
  assert.equal(service.asked.filter(({ name }) => name === "getTranscript").length, 2);
});

test("a connection does not wait for what the one before it asked", async () => {
  const { service, told, pass, session } = setUp();
  await session.start();
  const [old] = service.created;
  let answer;
  old.getTranscript = () => new Promise((resolve) => (answer = resolve));
  session.wake();
  service.fire("ConnectionBroken");
  await pass(5000);
  service.fire("ConnectionEstablished", { data: {} });
  await settled();
  told.length = 0;
  service.transcript = items("1");
  await pass(5000);
  assert.deepEqual(told, ["item 1", "loaded"]);
  answer({ data: { Transcript: items("0") } });
  await settled();
  assert.deepEqual(told, ["item 1", "loaded"]);
});

test("a transcript without an answer is asked for again", async () => {
  const { service, told, pass, session } = setUp();
  const started = session.start();
  service.transcript = items("1");
  await settled();
  told.length = 0;
  const { getTranscript } = service.chat;
  service.chat.getTranscript = () => new Promise(() => {});
  session.wake();
  await settled();
  service.chat.getTranscript = getTranscript;
  service.transcript = items("1", "2");
  await pass();
  await pass();
  await started;
  assert.ok(told.includes("item 2"), told.join());
});

test("a transcript that could not be had is tried again", async () => {
  const { service, told, pass, session } = setUp();
  service.transcript = items("1");
  service.fail.getTranscript = { statusCode: 500 };
  await session.start();
  assert.deepEqual(told, []);
  service.fail = {};
  await pass();
  assert.deepEqual(told, ["item 1", "loaded"]);
});

test("joins anew after chatjs has given up, later each time", async () => {
  const { service, told, waits, pass, session } = setUp();
  await session.start();
  service.fail.connect = { _debug: { statusCode: 500 } };
  service.fire("ConnectionBroken");
  assert.equal(told.at(-1), "offline");
  const spans = [];
  for (let turn = 0; turn < 4; turn += 1) {
    spans.push([...waits].at(-1).ms);
    await pass();
  }
  assert.equal(service.created.length, 5);
  spans.forEach((span, turn) =>
    assert.ok(span >= 500 * 2 ** turn && span <= 1000 * 2 ** turn, `${turn}: ${span}`),
  );
  service.fail = {};
  await pass();
  service.fire("ConnectionEstablished", { data: {} });
  assert.ok(told.includes("online"));
});

test("what an abandoned connection still says is not heard", async () => {
  const { service, told, pass, session } = setUp();
  await session.start();
  const [old] = service.created;
  service.fire("ConnectionBroken");
  await pass();
  told.length = 0;
  old.handlers.Message({ data: { Id: "1" } });
  old.handlers.Ended();
  old.handlers.ConnectionBroken();
  assert.deepEqual(told, []);
});

test("waking up joins at once instead of waiting", async () => {
  const { service, waits, session } = setUp();
  service.fail.connect = new TypeError("Failed to fetch");
  await session.start();
  assert.equal(waits.size, 1);
  service.fail = {};
  session.wake();
  await settled();
  assert.equal(service.created.length, 2);
  assert.equal(waits.size, 0);
});

test("denied access means that the chat is over, wherever it is met", async () => {
  for (const call of ["connect", "getTranscript"]) {
    const { service, told, waits, session } = setUp();
    service.fail[call] = call === "connect" ? DENIED : { statusCode: 403 };
    await session.start();
    assert.deepEqual(told, ["ended"], call);
    assert.equal(waits.size, 0);
  }
  const { service, told, session } = setUp();
  await session.start();
  service.fail.sendMessage = { statusCode: 403 };
  await assert.rejects(session.send("hello", "k"));
  assert.deepEqual(told, ["loaded", "ended"]);
});

test("the end is told once and nothing follows it", async () => {
  const { service, told, pass, session } = setUp();
  await session.start();
  service.fire("Ended");
  service.fire("Ended");
  service.fire("Message", { data: { Id: "1" } });
  service.fire("ConnectionBroken");
  session.wake();
  await pass();
  assert.deepEqual(told, ["loaded", "ended"]);
  assert.equal(service.created.length, 1);
});

test("a transcript that holds the end of the chat ends it, and nothing is waited for", async () => {
  const { service, told, waits, session } = setUp();
  service.transcript = [
    ...items("1"),
    { Id: "2", ContentType: "application/vnd.amazonaws.connect.event.chat.ended" },
  ];
  await session.start();
  assert.ok(told.includes("item 1") && told.includes("item 2"));
  assert.equal(told.filter((what) => what === "ended").length, 1);
  assert.equal(waits.size, 0);
});

test("ending disconnects; if the service does not say that it ended, it has all the same", async () => {
  const { service, told, pass, session } = setUp();
  await session.start();
  await session.end();
  assert.ok(service.asked.some(({ name }) => name === "disconnectParticipant"));
  assert.ok(!told.includes("ended"));
  await pass();
  assert.ok(told.includes("ended"));
});

test("an end that fails is told to who asked, and the chat goes on", async () => {
  const { service, told, session } = setUp();
  await session.start();
  service.fail.disconnectParticipant = { statusCode: 500 };
  await assert.rejects(session.end());
  assert.ok(!told.includes("ended"));
});

test("a message carries its client token and gives back where it stands", async () => {
  const { service, session } = setUp();
  await session.start();
  assert.deepEqual(await session.send("hello", "k"), {
    id: "sent",
    time: Date.parse("2026-11-27T10:00:00Z"),
  });
  assert.deepEqual(service.asked.at(-1).args, {
    contentType: "text/plain",
    message: "hello",
    clientToken: "k",
  });
});

test("a message without an answer fails in the end", async () => {
  const { service, pass, session } = setUp();
  await session.start();
  service.chat.sendMessage = () => new Promise(() => {});
  const sent = assert.rejects(session.send("hello", "k"), /no answer in time/);
  await pass();
  await sent;
});

test("nothing can be sent without a connection", async () => {
  const { service, session } = setUp();
  await assert.rejects(session.send("hello", "k"), /not connected/);
  await session.start();
  service.fire("ConnectionBroken");
  await assert.rejects(session.send("hello", "k"), /not connected/);
});
