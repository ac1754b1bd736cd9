// Finds the links in a message.

const CANDIDATE = /https:\/\/[^\s<>"]+/giu;
const TRAILING = /[.,:;!?'"»”’…)\]}]$/u;
const PAIRS = { ")": "(", "]": "[", "}": "{" };

/**
 * Splits a text into pieces, `{text}` or `{text, href}`. Only https becomes a link, and no address with a
 * user name, which is there to look like a host. What a sentence puts behind an address is not part of it.
 * @param {string} text
 * @returns {{text: string, href?: string}[]}
 */
export function pieces(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const address = trimmed(match[0]);
    const href = parsed(address);
    if (!href) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

function trimmed(address) {
  let rest = address;
  while (TRAILING.test(rest)) {
    const last = rest.at(-1);
    const opening = PAIRS[last];
    if (opening && count(rest, opening) >= count(rest, last)) break;
    rest = rest.slice(0, -1);
  }
  return rest;
}

function count(text, character) {
  return text.split(character).length - 1;
}

function parsed(address) {
  try {
    const url = new URL(address);
    const safe =
      url.protocol === "https:" && url.hostname !== "" && url.username === "" && url.password === "";
    return safe ? url.href : null;
  } catch {
    return null;
  }
}
