// How long to wait before trying again.

const LONGEST = 30;

/**
 * Seconds before attempt `attempt` (the first is 0): 1, 2, 4 and so on up to 30, less a random part of up to
 * half, so that pages which lost their connection together do not come back together.
 */
export function delay(attempt, random = Math.random) {
  const full = Math.min(LONGEST, 2 ** attempt);
  return full * (1 - random() / 2);
}

/**
 * Seconds that a `Retry-After` header asks to wait, between 1 and 300: a number of seconds or a date.
 * Without one that can be read it is `otherwise`.
 */
export function retryAfter(header, otherwise, now = Date.now()) {
  if (!header) return otherwise;
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  if (!Number.isFinite(seconds)) return otherwise;
  return Math.min(300, Math.max(1, Math.ceil(seconds)));
}
