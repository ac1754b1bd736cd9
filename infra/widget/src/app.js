// Chooses the view: by the address, by what this tab knows of the link, and by what the API answers.

import { callBack, redeem } from "./api.js";
import { card } from "./card.js";
import { loadConfig } from "./config.js";
import { Conversation } from "./conversation.js";
import { element } from "./dom.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import { LANGUAGES, Texts, choose } from "./texts.js";

const TOKEN = /^[A-Za-z0-9_-]{22}$/;
const CHAT = "/chat";
const main = document.getElementById("main");
const store = Store.open();

let config;
let texts;
let token;
let title;
let preloaded;

async function start() {
  config = await loadConfig();
  texts = new Texts(config.texts);
  await texts.use(
    choose([store.language(), store.chat()?.language, ...navigator.languages, config.language]),
  );
  frame();
  const given = new URLSearchParams(location.search).get("t") ?? "";
  token = TOKEN.test(given) ? given : null;
  route();
}

function route() {
  const chat = store.chat();
  const ours = chat !== null && chat.token === token;
  if (document.documentElement.dataset.page === "expired") {
    if (ours) return show("continue", { action: { id: "continue", label: "continue.link", href: CHAT } });
    return token ? expired() : show("unavailable");
  }
  if (ours || (chat && !token)) return converse(chat);
  return token ? landing() : show("missing");
}

function landing() {
  show("landing", { paragraphs: ["landing.text", "landing.once"], action: starting() });
}

function starting() {
  return { id: "start", label: "landing.start", running: "landing.starting", run: begin };
}

// The only thing that uses a link up, and only ever by a click.
async function begin() {
  chatjs().catch(() => {});
  const outcome = await redeem(token, store.nonce(token));
  switch (outcome.kind) {
    case "chat":
      store.keep(token, outcome.answer);
      if (!store.language()) await speak(choose([outcome.answer.language, texts.language]));
      return converse(store.chat());
    case "expired":
      return expired();
    case "unavailable":
      return show("unavailable");
    default:
      return show(outcome.kind, { action: again("retry", "retry", outcome.after, begin) });
  }
}

function expired() {
  show("expired", {
    action: { id: "callback", label: "expired.callback", running: "expired.asking", run: askForCall },
  });
}

async function askForCall() {
  const outcome = await callBack(token, store.nonce(token));
  switch (outcome.kind) {
    case "requested":
      return show("called");
    // A link that was sent again is valid for longer than the address of its first message, which would only
    // lead back here.
    case "valid":
      return show("valid", { action: starting() });
    case "unavailable":
      return show("unavailable");
    case "busy":
      return show("callbackBusy", { action: again("callback", "retry", outcome.after, askForCall) });
    default:
      return show("network", { action: again("callback", "retry", outcome.after, askForCall) });
  }
}

function again(id, label, after, run) {
  return { id, label, running: "retry.running", after, run };
}

// The token leaves the address bar and the history: what follows needs the tab, not the link.
function converse(chat) {
  history.replaceState(null, "", CHAT);
  const conversation = new Conversation(texts, chat.participantId, () => store.clear());
  display("chat", conversation.node, "chat.heading");
  conversation.join(new Session(chatjs, chat, conversation.listener));
}

function chatjs() {
  preloaded ??= import("./chat.js")
    .then(() => globalThis.connect.ChatSession)
    .catch((error) => {
      preloaded = undefined;
      throw error;
    });
  return preloaded;
}

function show(view, { paragraphs = [`${view}.text`], action } = {}) {
  const heading = `${view}.heading`;
  display(view, card(texts, { heading, paragraphs, action }), heading);
}

function display(view, node, heading) {
  const first = !document.body.dataset.view;
  document.body.dataset.view = view;
  main.replaceChildren(node);
  main.scrollTop = 0;
  title = heading;
  entitle();
  // A page that has just been loaded is read from its beginning.
  if (!first) node.querySelector("h1").focus();
}

function frame() {
  const language = element(
    "select",
    { id: "language" },
    ...Object.entries(LANGUAGES).map(([tag, name]) => element("option", { value: tag, lang: tag }, name)),
  );
  language.value = texts.language;
  language.addEventListener("change", async () => {
    await speak(language.value);
    store.choose(texts.language);
  });
  document
    .getElementById("top")
    .replaceChildren(
      brand(),
      texts.say(element("label", { for: "language", class: "hidden" }), "language"),
      language,
    );
  document.getElementById("bottom").replaceChildren(...privacy());
}

// Stays with the language that there is when the other's texts cannot be had.
async function speak(language) {
  await texts.use(language).catch(() => {});
  document.getElementById("language").value = texts.language;
  entitle();
}

function entitle() {
  document.title = [texts.get(title), config.name].filter(Boolean).join(" – ");
}

function brand() {
  const { logo, name } = config;
  const image = logo && element("img", { src: logo.path, width: logo.width, height: logo.height, alt: name });
  return element("div", { id: "brand" }, image ?? name);
}

function privacy() {
  if (!config.privacy) return [];
  const attributes = { id: "privacy", href: config.privacy, target: "_blank", rel: "noopener noreferrer" };
  const hint = texts.say(element("span", { class: "hidden" }), "newTab");
  return [element("a", attributes, texts.say(element("span"), "privacy"), " ", hint)];
}

start().catch(() => {
  main.replaceChildren(
    element("p", { class: "card", role: "alert" }, "This page could not be loaded. Please load it again."),
  );
});
