// The connection to the chat, by amazon-connect-chatjs: joins, comes back, fetches what was missed.

import { delay } from "./backoff.js";
import { ENDED, TYPING } from "./messages.js";

const ANSWER_MS = 15_000;
const END_MS = 5_000;
// The subscription follows the connection; what is said in between is only in the transcript.
const SETTLE_MS = 2_000;
const PAGE = 100;
const MOST_PAGES = 200;

/**
 * What a session tells. `online` and `offline`: whether messages arrive; `loaded`: nothing is missing.
 * @typedef {{items: (items: object[]) => void, typing: (item: object) => void, online: () => void,
 *   offline: () => void, loaded: () => void, ended: () => void}} Listener
 */
export class Session {
  #load;
  #details;
  #listener;
  #wait;
  #chat = null;
  #over = false;
  #attempt = 0;
  #pending = null;
  #fetching = null;
  #again = false;
  #reached = new Set();
  #seen = new Set();

  /**
   * @param {() => Promise<object>} load Gives chatjs's `ChatSession`.
   * @param {{contactId: string, participantId: string, participantToken: string, region: string,
   *   participantEndpoint?: string}} details
   * @param {Listener} listener
   * @param {(run: () => void, ms: number) => () => void} wait Runs something later; gives what calls it off.
   */
  constructor(load, details, listener, wait = later) {
    this.#load = load;
    this.#details = details;
    this.#listener = listener;
    this.#wait = wait;
  }

  /** Joins the chat, and keeps trying until it has or the chat turns out to be over. */
  async start() {
    this.#pending = null;
    let chat = null;
    try {
      const api = await this.#load();
      chat = this.#create(api);
      this.#chat = chat;
      await chat.connect();
    } catch (error) {
      if (this.#chat === chat) this.#lose(error);
      return;
    }
    await this.#catchUp(chat);
  }

  /** The network or the page came back: tries at once what was waiting, and looks for what was missed. */
  wake() {
    if (this.#over) return;
    if (this.#pending) {
      this.#pending();
      this.start();
    } else if (this.#chat) this.#catchUp(this.#chat);
  }

  /**
   * Sends a message; fails if it was not taken in 15 seconds. The same client token again sends it once.
   * @returns {Promise<{id: string, time: number}>}
   */
  async send(message, clientToken) {
    const { data } = await this.#call(ANSWER_MS, (chat) =>
      chat.sendMessage({ contentType: "text/plain", message, clientToken }),
    );
    return { id: data.Id, time: Date.parse(data.AbsoluteTime) || 0 };
  }

  /** Says that the customer is typing; chatjs passes it on every ten seconds at most. */
  typing() {
    this.#call(ANSWER_MS, (chat) => chat.sendEvent({ contentType: TYPING })).catch(() => {});
  }

  /** Ends the chat; fails if the service did not take it. */
  async end() {
    await this.#call(ANSWER_MS, (chat) => chat.disconnectParticipant());
    this.#wait(() => this.#finish(), END_MS);
  }

  #create(api) {
    const { region, participantEndpoint, contactId, participantId, participantToken } = this.#details;
    api.setGlobalConfig({
      region,
      ...(participantEndpoint && { endpoint: participantEndpoint }),
      features: { messageReceipts: { shouldSendMessageReceipts: false } },
    });
    const chat = api.create({
      chatDetails: { contactId, participantId, participantToken },
      type: "CUSTOMER",
      options: { region },
      // Its metrics are an inline script and a request to another origin.
      disableCSM: true,
    });
    const current = (handle) => (event) => {
      if (this.#chat === chat && !this.#over) handle(event);
    };
    chat.onMessage(current(({ data }) => this.#take([data])));
    chat.onTyping(current(({ data }) => this.#listener.typing(data)));
    chat.onConnectionLost(current(() => this.#listener.offline()));
    chat.onConnectionBroken(current((event) => this.#lose(event)));
    chat.onEnded(current(() => this.#finish()));
    // It also comes when `connect` succeeds, before there is a socket.
    chat.onConnectionEstablished(current((event) => event?.connectSuccess || this.#gain(chat)));
    return chat;
  }

  #gain(chat) {
    this.#attempt = 0;
    this.#listener.online();
    this.#catchUp(chat);
    this.#wait(() => this.#catchUp(chat), SETTLE_MS);
  }

  // chatjs gives up a connection that it could not make; a new one can be made from the same details.
  #lose(error) {
    if (refused(error)) return this.#finish();
    this.#chat = null;
    this.#listener.offline();
    this.#pending ??= this.#wait(() => this.start(), delay(this.#attempt) * 1000);
    this.#attempt += 1;
  }

  #finish() {
    if (this.#over) return;
    this.#over = true;
    this.#pending?.();
    this.#listener.ended();
  }

  // Goes back page by page to what the last complete look had reached, the first time to the beginning.
  async #catchUp(chat) {
    if (this.#over || this.#chat !== chat) return;
    if (this.#fetching === chat) {
      this.#again = true;
      return;
    }
    this.#fetching = chat;
    this.#again = false;
    const complete = await this.#look(chat).catch(() => false);
    // A newer connection looks for itself, and does not wait for what an older one asked.
    if (this.#fetching !== chat) return;
    this.#fetching = null;
    if (complete) {
      this.#reached = new Set(this.#seen);
      this.#listener.loaded();
    }
    if (!this.#over && (this.#again || !complete)) {
      this.#wait(() => this.#catchUp(chat), complete ? 0 : SETTLE_MS);
    }
  }

  async #look(chat) {
    let nextToken;
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const { data } = await this.#call(ANSWER_MS, () =>
        chat.getTranscript({
          scanDirection: "BACKWARD",
          sortOrder: "ASCENDING",
          maxResults: PAGE,
          nextToken,
        }),
      );
      if (this.#fetching !== chat) return false;
      const items = data.Transcript ?? [];
      this.#take(items);
      nextToken = data.NextToken;
      if (!nextToken || items.some(({ Id }) => this.#reached.has(Id))) break;
    }
    return true;
  }

  #take(items) {
    for (const { Id } of items) if (Id) this.#seen.add(Id);
    this.#listener.items(items);
    if (items.some(({ ContentType }) => ContentType === ENDED)) this.#finish();
  }

  async #call(ms, run) {
    const chat = this.#chat;
    if (!chat || this.#over) throw new Error("not connected");
    let cancel;
    const timeout = new Promise((_, reject) => {
      cancel = this.#wait(() => reject(new Error("no answer in time")), ms);
    });
    try {
      return await Promise.race([run(chat), timeout]);
    } catch (error) {
      if (refused(error)) this.#finish();
      throw error;
    } finally {
      cancel();
    }
  }
}

// Access is denied to a participant whose chat is over. chatjs wraps errors into `_debug`.
function refused(error) {
  for (let cause = error; cause; cause = cause._debug) if (cause.statusCode === 403) return true;
  return false;
}

function later(run, ms) {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
