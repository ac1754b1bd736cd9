// Elements, made in one expression. There is no way here to turn a string into markup.

/**
 * An element with attributes, listeners and children.
 * @param {string} name
 * @param {Record<string, string | number | boolean | ((event: Event) => void)>} attributes
 *   A function listens to the event of its name without `on`; `true` sets an empty attribute, `false` none.
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(key.replace(/^on/, ""), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false) node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

/** Says that a button can be pressed or not. It keeps the focus, which `disabled` would take away. */
export function enable(button, enabled) {
  if (enabled) button.removeAttribute("aria-disabled");
  else button.setAttribute("aria-disabled", "true");
}

/** Whether a button can be pressed. */
export function enabled(button) {
  return button.getAttribute("aria-disabled") !== "true";
}
