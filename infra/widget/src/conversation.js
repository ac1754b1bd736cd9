// The view of the chat.

import { element, enable, enabled } from "./dom.js";
import { pieces } from "./links.js";
import { randomBits } from "./store.js";
import { Transcript } from "./transcript.js";
import { entryOf, origin } from "./messages.js";

// SendMessage takes as much of text/plain.
const LONGEST = 1024;
// An agent who goes on typing says so every ten seconds.
const TYPING_MS = 12_000;
const NEAR_BOTTOM = 80;

/**
 * The chat as `node`, and as `listener` what a session tells. `join(session)` makes it work.
 */
export class Conversation {
  node;
  #texts;
  #self;
  #onEnd;
  #session = null;
  #transcript = new Transcript();
  #nodes = new Map();
  #online = false;
  #lost = false;
  #complete = false;
  #ended = false;
  #trouble = "";
  #typingTimer = 0;
  #status = element("p", { id: "status", role: "status" });
  #log = element("div", { id: "log", role: "log", tabindex: 0, "aria-live": "off" });
  #typing = element("p", { id: "typing", "aria-live": "polite" });
  #composer = element("textarea", {
    id: "composer",
    maxlength: LONGEST,
    enterkeyhint: "send",
    "aria-describedby": "hint",
  });
  #send = element("button", { id: "send", type: "submit" });
  #end = element("button", { id: "end", type: "button", class: "quiet" });
  #latest = element("button", { id: "latest", type: "button", hidden: true });
  #form;
  #dialog;

  /**
   * @param {import("./texts.js").Texts} texts
   * @param {string} self The customer's participant id.
   * @param {() => void} onEnd Called once, when the chat is over.
   */
  constructor(texts, self, onEnd) {
    this.#texts = texts;
    this.#self = self;
    this.#onEnd = onEnd;
    this.#build();
    this.#showState();
  }

  get listener() {
    return {
      items: (items) => this.#add(items),
      typing: (item) => this.#showTyping(item),
      online: () => this.#connection(true),
      offline: () => this.#connection(false),
      loaded: () => this.#loaded(),
      ended: () => this.#over(),
    };
  }

  /** @param {import("./session.js").Session} session */
  join(session) {
    this.#session = session;
    const network = () => {
      this.#showState();
      if (navigator.onLine) session.wake();
    };
    window.addEventListener("online", network);
    window.addEventListener("offline", network);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") session.wake();
    });
    session.start();
  }

  #build() {
    const texts = this.#texts;
    this.#composer.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#composer.addEventListener("input", () => {
      if (this.#composer.value.trim() !== "") this.#session?.typing();
    });
    this.#form = element(
      "form",
      {
        id: "compose",
        onsubmit: (event) => {
          event.preventDefault();
          this.#submit();
        },
      },
      texts.say(element("label", { for: "composer", class: "hidden" }), "chat.composer"),
      texts.say(element("p", { id: "hint", class: "hidden" }), "chat.hint"),
      texts.label(this.#composer, "placeholder", "chat.composer"),
      texts.say(this.#send, "chat.send"),
    );

    this.#dialog = this.#confirmation();
    this.#end.addEventListener("click", () => enabled(this.#end) && this.#dialog.showModal());
    this.#latest.addEventListener("click", () => this.#toBottom());
    this.#log.addEventListener("scroll", () => {
      if (this.#atBottom()) this.#latest.hidden = true;
    });
    const heading = texts.say(element("h1", { tabindex: -1 }), "chat.heading");
    this.node = element(
      "section",
      { id: "chat" },
      element("div", { class: "bar" }, heading, this.#status, texts.say(this.#end, "chat.end")),
      element(
        "div",
        { class: "scroll" },
        texts.label(this.#log, "aria-label", "chat.log"),
        texts.say(this.#latest, "chat.latest"),
      ),
      this.#typing,
      this.#form,
      this.#dialog,
    );
  }

  #confirmation() {
    const texts = this.#texts;
    const dialog = element("dialog", { id: "confirm", "aria-labelledby": "confirm-heading" });
    const close = () => dialog.close();
    const end = () => {
      dialog.close();
      this.#leave();
    };
    const yes = element("button", { id: "end-confirm", type: "button", onclick: end });
    const no = element("button", {
      id: "end-cancel",
      type: "button",
      class: "quiet",
      autofocus: true,
      onclick: close,
    });
    dialog.append(
      texts.say(element("h2", { id: "confirm-heading" }), "confirm.heading"),
      texts.say(element("p"), "confirm.text"),
      element("div", { class: "choice" }, texts.say(yes, "confirm.yes"), texts.say(no, "confirm.no")),
    );
    return dialog;
  }

  async #leave() {
    enable(this.#end, false);
    this.#say("state.ending");
    try {
      await this.#session.end();
    } catch {
      enable(this.#end, true);
      this.#say("state.endFailed");
    }
  }

  #submit() {
    const text = this.#composer.value.trim();
    this.#composer.focus();
    if (text === "" || !this.#session) return;
    this.#composer.value = "";
    const { key } = this.#transcript.pend(randomBits(), text);
    this.#show(true);
    this.#deliver(key, text);
  }

  async #deliver(key, text) {
    try {
      const { id, time } = await this.#session.send(text, key);
      this.#transcript.sent(key, id, time);
    } catch {
      this.#transcript.failed(key);
    }
    this.#show();
  }

  #retry(key, text) {
    this.#transcript.sending(key);
    this.#show();
    this.#composer.focus();
    this.#deliver(key, text);
  }

  #add(items) {
    for (const item of items) {
      const entry = entryOf(item, this.#self);
      if (!entry || !this.#transcript.add(entry)) continue;
      if (entry.from === "agent" || entry.note === "left") this.#hideTyping();
    }
    this.#show();
    this.#showState();
  }

  // What was said before the page was loaded is not read out.
  #loaded() {
    this.#complete = true;
    this.#showState();
    this.#log.setAttribute("aria-live", "polite");
  }

  #connection(online) {
    this.#online = online;
    this.#lost = !online;
    if (online) this.#trouble = "";
    this.#hideTyping();
    this.#showState();
  }

  #over() {
    if (this.#ended) return;
    this.#ended = true;
    const texts = this.#texts;
    const heading = texts.say(element("h2", { tabindex: -1 }), "ended.heading");
    const over = element("div", { id: "over" }, heading, texts.say(element("p"), "ended.text"));
    this.#hideTyping();
    if (this.#dialog.open) this.#dialog.close();
    this.#form.replaceWith(over);
    this.#trouble = "";
    this.#show();
    this.#showState();
    heading.focus();
    this.#onEnd();
  }

  get #state() {
    if (this.#ended) return "ended";
    if (!navigator.onLine || this.#lost) return "offline";
    return this.#online && this.#complete ? this.#transcript.standing.state : "connecting";
  }

  #showState() {
    const state = this.#state;
    this.node.dataset.state = state;
    const key = this.#trouble && state !== "offline" ? this.#trouble : `state.${state}`;
    const { name } = this.#transcript.standing;
    this.#texts.say(this.#status, key, { name: () => name || this.#texts.get("agent") });
  }

  #say(key) {
    this.#trouble = key;
    this.#showState();
  }

  #showTyping(item) {
    if (origin(item, this.#self) !== "agent") return;
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.#hideTyping(), TYPING_MS);
    const name = () => item.DisplayName || this.#transcript.standing.name || this.#texts.get("agent");
    this.#texts.say(this.#typing, "typing", { name });
  }

  #hideTyping() {
    clearTimeout(this.#typingTimer);
    this.#texts.silence(this.#typing);
  }

  // Brings the log to what the transcript holds: new nodes at their place, states of our own messages.
  #show(own = false) {
    const follow = own || this.#atBottom();
    const entries = this.#transcript.entries;
    for (const [entry, { node }] of this.#nodes) {
      if (entries.includes(entry)) continue;
      node.remove();
      this.#nodes.delete(entry);
    }
    let grown = false;
    entries.forEach((entry, index) => {
      let shown = this.#nodes.get(entry);
      if (!shown) {
        shown = entry.note ? this.#note(entry) : this.#message(entry);
        this.#nodes.set(entry, shown);
        grown = true;
      }
      const there = this.#log.children[index];
      if (there !== shown.node) this.#log.insertBefore(shown.node, there ?? null);
      shown.update?.();
    });
    if (follow) this.#toBottom();
    else if (grown) this.#latest.hidden = false;
  }

  #note({ note, name }) {
    const node = element("p", { class: "note", "data-note": note });
    this.#texts.say(node, `note.${note}`, { name: () => name || this.#texts.get("agent") });
    return { node };
  }

  #message(entry) {
    const texts = this.#texts;
    const who = element("span", { class: "who" });
    if (entry.from === "own") texts.say(who, "message.you");
    else if (entry.from === "agent" && entry.name) who.textContent = entry.name;
    else texts.say(who, entry.from);
    const text = element("p", { class: "text", dir: "auto" });
    if (entry.from === "own") text.textContent = entry.text;
    else text.append(...pieces(entry.text).map(linked));
    const time = texts.time(element("time"), new Date(entry.time));
    const node = element(
      "div",
      { class: "message", "data-from": entry.from },
      element("p", { class: "head" }, who, time),
      text,
    );
    const update = entry.key && (() => this.#update(node, entry));
    return { node, update };
  }

  #update(node, { key, text, state }) {
    if (node.dataset.state === state) return;
    node.dataset.state = state;
    node.querySelector(".state")?.remove();
    const line = element("div", { class: "state" }, this.#texts.say(element("span"), `message.${state}`));
    if (state === "failed") {
      const retry = element("button", {
        type: "button",
        class: "retry quiet",
        onclick: () => this.#retry(key, text),
      });
      line.append(this.#texts.say(retry, "message.retry"));
    }
    node.append(line);
  }

  #atBottom() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight < NEAR_BOTTOM;
  }

  #toBottom() {
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#latest.hidden = true;
  }
}

function linked({ text, href }) {
  return href ? element("a", { href, target: "_blank", rel: "noopener noreferrer" }, text) : text;
}
