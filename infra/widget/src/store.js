// What survives a reload: this tab's session storage, emptied when the chat ends.

import { isChat } from "./api.js";

const PREFIX = "eventide-";
const CHAT = `${PREFIX}chat`;
const LANGUAGE = `${PREFIX}language`;
const NONCE = `${PREFIX}nonce-`;

/** 128 random bits as 22 characters of URL-safe base64. */
export function randomBits() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

export class Store {
  #area;

  /** @param {Storage} area */
  constructor(area) {
    this.#area = area;
  }

  /** The session storage, or the page's own memory where the browser's settings forbid it. */
  static open() {
    try {
      const area = globalThis.sessionStorage;
      area.setItem(`${PREFIX}probe`, "");
      area.removeItem(`${PREFIX}probe`);
      return new Store(area);
    } catch {
      return new Store(new Memory());
    }
  }

  /** The nonce that goes with every request for this link: made once, so that a lost answer comes again. */
  nonce(token) {
    const key = NONCE + token;
    const kept = this.#area.getItem(key);
    if (kept) return kept;
    const made = randomBits();
    this.#area.setItem(key, made);
    return made;
  }

  /** The chat that was not ended yet, as `{token, ...answer}`, or null. */
  chat() {
    try {
      const chat = JSON.parse(this.#area.getItem(CHAT));
      return isChat(chat) ? chat : null;
    } catch {
      return null;
    }
  }

  /** Keeps the answer to the redemption of `token`. */
  keep(token, answer) {
    this.#area.setItem(CHAT, JSON.stringify({ ...answer, token }));
  }

  /** The language that was chosen by hand, or null. */
  language() {
    return this.#area.getItem(LANGUAGE);
  }

  choose(language) {
    this.#area.setItem(LANGUAGE, language);
  }

  /** Forgets everything. */
  clear() {
    const keys = Array.from({ length: this.#area.length }, (_, index) => this.#area.key(index));
    for (const key of keys) if (key?.startsWith(PREFIX)) this.#area.removeItem(key);
  }
}

/** What of `Storage` is used here. */
export class Memory {
  #items = new Map();

  get length() {
    return this.#items.size;
  }

  key(index) {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  setItem(key, value) {
    this.#items.set(key, String(value));
  }

  removeItem(key) {
    this.#items.delete(key);
  }
}
