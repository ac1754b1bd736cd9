// The messages in their order, each once, whichever way and how often they came.

export class Transcript {
  #known = new Map();
  #entries = [];

  /**
   * Adds an entry; false when it was there already. A message of our own that comes back takes the place
   * of the one that waits for its answer.
   */
  add(entry) {
    if (this.#known.has(entry.id)) return false;
    const waiting = entry.from === "own" && this.#entries.find((own) => !own.id && own.text === entry.text);
    if (waiting) this.#settle(waiting, entry.id, entry.time);
    else {
      this.#known.set(entry.id, entry);
      this.#insert(entry);
    }
    return true;
  }

  /** Adds a message of our own that is on its way. `key` is its client token: the same for every attempt. */
  pend(key, text, now = Date.now()) {
    const entry = { key, time: now, from: "own", text, name: "", participant: "", state: "sending" };
    this.#entries.push(entry);
    return entry;
  }

  /** The message of this key is on its way again. */
  sending(key) {
    this.#mark(key, "sending");
  }

  /** The service took the message of this key. */
  sent(key, id, time) {
    const entry = this.#entries.find((own) => own.key === key);
    if (!entry || entry.id) return;
    if (this.#known.has(id)) this.#entries.splice(this.#entries.indexOf(entry), 1);
    else this.#settle(entry, id, time);
  }

  /** It did not, or nobody knows. */
  failed(key) {
    this.#mark(key, "failed");
  }

  /** All entries, the oldest first; what has not been sent is last. */
  get entries() {
    return this.#entries;
  }

  /**
   * Where the chat stands: `{state, name}`, `waiting`, `connected` or `ended`. After the last agent left it
   * waits for another one, unless it ended.
   */
  get standing() {
    const present = new Map();
    for (const { note, participant, name } of this.#entries) {
      if (note === "joined") present.set(participant, name);
      if (note === "left") present.delete(participant);
      if (note === "ended") return { state: "ended", name: "" };
    }
    const name = [...present.values()].at(-1);
    return name === undefined ? { state: "waiting", name: "" } : { state: "connected", name };
  }

  #mark(key, state) {
    const entry = this.#entries.find((own) => own.key === key);
    if (entry && !entry.id) entry.state = state;
  }

  #settle(entry, id, time) {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    Object.assign(entry, { id, time: time || entry.time, state: "sent" });
    this.#known.set(id, entry);
    this.#insert(entry);
  }

  // Behind everything that is not later, before what has not been sent.
  #insert(entry) {
    let at = this.#entries.length;
    while (at > 0 && (!this.#entries[at - 1].id || this.#entries[at - 1].time > entry.time)) at -= 1;
    this.#entries.splice(at, 0, entry);
  }
}
