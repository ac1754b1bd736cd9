// What the page says, in the language of the moment. What was said is said again when the language changes.

/** The languages that there are, by the name that their speakers use. */
export const LANGUAGES = { en: "English", es: "Español", de: "Deutsch" };

/**
 * The first of `wanted` that there is, compared by its first part (`de-AT` is `de`); otherwise `en`.
 * @param {(string | null | undefined)[]} wanted
 */
export function choose(wanted) {
  for (const tag of wanted) {
    const language = String(tag ?? "")
      .toLowerCase()
      .split(/[-_]/)[0];
    if (Object.hasOwn(LANGUAGES, language)) return language;
  }
  return "en";
}

/** Puts values in the place of `{name}`; what has no value stays as it is. */
export function fill(template, values = {}) {
  return template.replace(/\{(\w+)\}/g, (whole, name) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}

export class Texts {
  /** `en`, `es` or `de`; empty before the first `use`. */
  language = "";
  #fetch;
  #overrides;
  #tables = new Map();
  #said = new Map();

  /**
   * @param {Record<string, Record<string, string>>} overrides By language and key, from config.json.
   */
  constructor(overrides = {}, fetch = globalThis.fetch.bind(globalThis)) {
    this.#overrides = overrides;
    this.#fetch = fetch;
  }

  /** Changes the language. Fails, and changes nothing, when its texts cannot be had. */
  async use(language) {
    if (!this.#tables.has(language)) {
      const response = await this.#fetch(`/assets/texts/${language}.json`, { credentials: "omit" });
      if (!response.ok) throw new Error(`no texts for \`${language}\``);
      this.#tables.set(language, { ...(await response.json()), ...this.#overrides[language] });
    }
    this.language = language;
    document.documentElement.lang = language;
    for (const [node, parts] of this.#said) {
      if (node.isConnected) for (const write of parts.values()) write();
      else this.#said.delete(node);
    }
  }

  /** The text of this key. */
  get(key, values) {
    return fill(this.#tables.get(this.language)?.[key] ?? key, this.#resolved(values));
  }

  /** Writes a text into a node; returns the node. A value that is a function is asked each time. */
  say(node, key, values) {
    return this.#keep(node, "text", () => {
      const text = this.get(key, values);
      if (node.textContent !== text) node.textContent = text;
    });
  }

  /** Writes a text into an attribute of a node; returns the node. */
  label(node, attribute, key, values) {
    return this.#keep(node, attribute, () => node.setAttribute(attribute, this.get(key, values)));
  }

  /** Writes a time of day into a `time` element; returns it. */
  time(node, date) {
    node.dateTime = date.toISOString();
    return this.#keep(node, "text", () => {
      node.textContent = new Intl.DateTimeFormat(this.language, { timeStyle: "short" }).format(date);
    });
  }

  /** Empties a node, which says nothing any more. */
  silence(node) {
    this.#said.delete(node);
    if (node.textContent !== "") node.textContent = "";
  }

  #resolved(values = {}) {
    const entries = Object.entries(values);
    return Object.fromEntries(
      entries.map(([name, value]) => [name, typeof value === "function" ? value() : value]),
    );
  }

  #keep(node, part, write) {
    const parts = this.#said.get(node) ?? new Map();
    this.#said.set(node, parts.set(part, write));
    write();
    return node;
  }
}
