import assert from "node:assert/strict";
import { test } from "node:test";
import { delay, retryAfter } from "../src/backoff.js";

test("the delay doubles up to 30 seconds, less a random half", () => {
  assert.deepEqual(
    [0, 1, 2, 4, 5, 50].map((attempt) => delay(attempt, () => 0)),
    [1, 2, 4, 16, 30, 30],
  );
  assert.equal(
    delay(2, () => 1),
    2,
  );
});

test("Retry-After is seconds or a date, within reason", () => {
  const now = Date.parse("2026-11-27T10:00:00Z");
  assert.equal(retryAfter("7", 3, now), 7);
  assert.equal(retryAfter("Fri, 27 Nov 2026 10:00:12 GMT", 3, now), 12);
  assert.equal(retryAfter("Fri, 27 Nov 2026 09:00:00 GMT", 3, now), 1);
  assert.equal(retryAfter("0", 3, now), 1);
  assert.equal(retryAfter("86400", 3, now), 300);
  for (const unreadable of [null, "", "soon"]) assert.equal(retryAfter(unreadable, 3, now), 3);
});
