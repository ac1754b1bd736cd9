// A view with a heading, some text and at most one thing to do.

import { element, enable, enabled } from "./dom.js";

/**
 * @param {import("./texts.js").Texts} texts
 * @param {{heading: string, paragraphs: string[], action?: Action}} content Keys of texts.
 * @typedef {{id: string, label: string, running?: string, href?: string, after?: number,
 *   run?: () => Promise<void>}} Action `after`: seconds until it works; `running`: its label meanwhile.
 */
export function card(texts, { heading, paragraphs, action }) {
  const node = element("section", { class: "card" });
  node.append(texts.say(element("h1", { tabindex: -1 }), heading));
  for (const key of paragraphs) node.append(texts.say(element("p"), key));
  if (action?.href) node.append(link(texts, action));
  else if (action) node.append(button(texts, action));
  return node;
}

function link(texts, { id, label, href }) {
  return texts.say(element("a", { class: "button", id, href }), label);
}

function button(texts, { id, label, running, after = 0, run }) {
  const node = element("button", { type: "button", id });
  node.addEventListener("click", async () => {
    if (!enabled(node)) return;
    enable(node, false);
    texts.say(node, running);
    await run();
    ready();
  });

  function ready() {
    texts.say(node, label);
    enable(node, true);
  }

  function count(seconds) {
    if (seconds <= 0) return ready();
    texts.say(node, "retry.wait", { seconds });
    setTimeout(() => node.isConnected && count(seconds - 1), 1000);
  }

  if (after > 0) enable(node, false);
  count(after);
  return node;
}
