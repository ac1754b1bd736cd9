import assert from "node:assert/strict";
import { test } from "node:test";
import { callBack, isChat, redeem } from "../src/api.js";

const CHAT = {
  contactId: "c",
  participantId: "p",
  participantToken: "t",
  region: "us-east-1",
  language: "en",
};

/** A fetch that answers once and keeps what it was asked. */
function answering(status, body, headers = {}) {
  const asked = [];
  const fetch = async (path, init) => {
    asked.push({ path, ...init });
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
  };
  return { fetch, asked };
}

test("a redemption posts token and nonce as JSON, to the page's own origin", async () => {
  const { fetch, asked } = answering(200, CHAT);
  await redeem("T", "N", { fetch });
  assert.equal(asked.length, 1);
  const [{ path, method, headers, body, credentials, redirect }] = asked;
  assert.deepEqual(
    { path, method, headers, body, credentials, redirect },
    {
      path: "/api/redeem",
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"token":"T","nonce":"N"}',
      credentials: "omit",
      redirect: "error",
    },
  );
});

test("what a redemption comes to", async () => {
  for (const [status, body, headers, outcome] of [
    [200, CHAT, {}, { kind: "chat", answer: CHAT }],
    [200, { ...CHAT, participantToken: "" }, {}, { kind: "busy", after: 3 }],
    [200, "<html>", {}, { kind: "busy", after: 3 }],
    [410, { error: "expired" }, {}, { kind: "expired" }],
    [410, { error: "unavailable" }, {}, { kind: "unavailable" }],
    [410, "", {}, { kind: "unavailable" }],
    [400, { error: "invalid_request" }, {}, { kind: "unavailable" }],
    [429, { error: "too_many_requests" }, { "retry-after": "9" }, { kind: "busy", after: 9 }],
    [503, { error: "busy" }, { "retry-after": "2" }, { kind: "busy", after: 2 }],
    [502, "bad gateway", {}, { kind: "busy", after: 3 }],
    [403, "<html>", {}, { kind: "busy", after: 3 }],
  ])
    assert.deepEqual(await redeem("T", "N", answering(status, body, headers)), outcome, `${status} ${body}`);
});

test("what asking for a callback comes to", async () => {
  for (const [status, body, kind] of [
    [202, { status: "requested" }, "requested"],
    [409, { error: "not_expired" }, "valid"],
    [410, { error: "unavailable" }, "unavailable"],
    [400, { error: "invalid_request" }, "unavailable"],
    [429, { error: "too_many_requests" }, "busy"],
    [503, { error: "busy" }, "busy"],
  ]) {
    const { fetch, asked } = answering(status, body);
    assert.equal((await callBack("T", "N", { fetch })).kind, kind, String(status));
    assert.equal(asked[0].path, "/api/callback");
  }
});

test("no answer is a matter of the network, whether refused or late", async () => {
  const refused = async () => {
    throw new TypeError("Failed to fetch");
  };
  assert.equal((await redeem("T", "N", { fetch: refused })).kind, "network");
  const late = (_, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  assert.equal((await callBack("T", "N", { fetch: late, timeout: 10 })).kind, "network");
});

test("a chat has four texts, and perhaps an endpoint", () => {
  assert.ok(isChat(CHAT));
  assert.ok(isChat({ ...CHAT, participantEndpoint: "https://a.example" }));
  assert.ok(!isChat({ ...CHAT, participantEndpoint: 1 }));
  for (const name of ["contactId", "participantId", "participantToken", "region"]) {
    assert.ok(!isChat({ ...CHAT, [name]: undefined }), name);
  }
  assert.ok(!isChat(null));
});
