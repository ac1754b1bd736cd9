// The two questions that the page asks its own origin. What they answer becomes one of a few outcomes.

import { retryAfter } from "./backoff.js";

const TIMEOUT_MS = 20_000;
const AGAIN_SECONDS = 3;

/**
 * Redeems a link: `{kind}` is `chat` (with `answer`), `expired`, `unavailable`, `busy` or `network` (both
 * with `after`, seconds). The same nonce gives the same chat again, so nothing is lost with an answer.
 */
export async function redeem(token, nonce, options) {
  const { status, body, after } = await post("/api/redeem", token, nonce, options);
  if (status === 200 && isChat(body)) return { kind: "chat", answer: body };
  if (status === 410) return { kind: body.error === "expired" ? "expired" : "unavailable" };
  return refusal(status, after);
}

/**
 * Asks for a callback by an expired link: `{kind}` is `requested`, `valid` (the link has not expired),
 * `unavailable`, `busy` or `network`.
 */
export async function callBack(token, nonce, options) {
  const { status, after } = await post("/api/callback", token, nonce, options);
  if (status === 202) return { kind: "requested" };
  if (status === 409) return { kind: "valid" };
  if (status === 410) return { kind: "unavailable" };
  return refusal(status, after);
}

// The API says 429 and 503, and so does what stands before it; all of that passes.
function refusal(status, after) {
  if (status === null) return { kind: "network", after };
  return status === 400 ? { kind: "unavailable" } : { kind: "busy", after };
}

async function post(path, token, nonce, { fetch = globalThis.fetch, timeout = TIMEOUT_MS } = {}) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token, nonce }),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: abort.signal,
    });
    const body = await response.json().catch(() => null);
    return {
      status: response.status,
      body: body ?? {},
      after: retryAfter(response.headers.get("retry-after"), AGAIN_SECONDS),
    };
  } catch {
    return { status: null, body: {}, after: 1 };
  } finally {
    clearTimeout(timer);
  }
}

/** Whether this has what it takes to join a chat. */
export function isChat(value) {
  return (
    ["contactId", "participantId", "participantToken", "region"].every((name) => isText(value?.[name])) &&
    (value.participantEndpoint === undefined || isText(value.participantEndpoint))
  );
}

function isText(value) {
  return typeof value === "string" && value !== "";
}
