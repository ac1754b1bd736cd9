// The brand: config.json, with everything that is missing or of the wrong kind replaced by what works.

const DEFAULTS = { name: "", logo: null, language: "en", privacy: "", texts: {} };

/** Reads config.json. A page that cannot have it works without a brand. */
export async function loadConfig(fetch = globalThis.fetch) {
  try {
    const response = await fetch("/config.json", { credentials: "omit" });
    return checked(response.ok ? await response.json() : {});
  } catch {
    return checked({});
  }
}

/** What of `raw` can be used. */
export function checked(raw) {
  const { name, logo, language, privacy, texts } = { ...DEFAULTS, ...raw };
  return {
    name: typeof name === "string" ? name : DEFAULTS.name,
    logo: isLogo(logo) ? { path: logo.path, width: logo.width, height: logo.height } : null,
    language: typeof language === "string" ? language : DEFAULTS.language,
    privacy: typeof privacy === "string" && /^(https:\/\/|\/(?!\/))/.test(privacy) ? privacy : "",
    texts: Object.fromEntries(Object.entries(texts ?? {}).map(([tag, table]) => [tag, strings(table)])),
  };
}

// From this origin only, and of known size: nothing moves when it arrives.
function isLogo(logo) {
  return typeof logo?.path === "string" && /^\/(?!\/)/.test(logo.path) && logo.width > 0 && logo.height > 0;
}

function strings(table) {
  return Object.fromEntries(Object.entries(table ?? {}).filter(([, text]) => typeof text === "string"));
}
