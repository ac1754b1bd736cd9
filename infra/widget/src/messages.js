// What the participant service delivers, as entries of the transcript.

const EVENT = "application/vnd.amazonaws.connect.event.";
/** The content types that say somebody is typing, and that the chat is over. */
export const TYPING = `${EVENT}typing`;
export const ENDED = `${EVENT}chat.ended`;

const READABLE = new Set(["text/plain", "text/markdown"]);
const AGENTS = new Set(["AGENT", "SUPERVISOR"]);
const NOTES = {
  [`${EVENT}participant.joined`]: "joined",
  [`${EVENT}participant.left`]: "left",
  [`${EVENT}transfer.succeeded`]: "transferred",
  [ENDED]: "ended",
};

/**
 * An entry: `{id, time, from, text}` for a message, where `from` is `own`, `agent` or `service`;
 * `{id, time, note}` for an event. `participant` and `name` say who it was. Null for what is not shown.
 * @param {Record<string, any>} item An item of GetTranscript or of the WebSocket; both have the same form.
 * @param {string} self The participant id of this customer.
 */
export function entryOf(item, self) {
  if (!item?.Id) return null;
  const from = origin(item, self);
  const entry = {
    id: item.Id,
    time: Date.parse(item.AbsoluteTime) || 0,
    participant: item.ParticipantId ?? "",
    name: item.DisplayName ?? "",
  };
  if (item.Type === "MESSAGE") {
    if (READABLE.has(item.ContentType)) return { ...entry, from, text: item.Content ?? "" };
    return from === "own" ? null : { ...entry, note: "unsupported" };
  }
  if (item.Type === "ATTACHMENT") return from === "own" ? null : { ...entry, note: "attachment" };
  const note = NOTES[item.ContentType];
  // Only an agent's coming and going is worth telling; the end and a transfer concern everybody.
  if (!note || ((note === "joined" || note === "left") && from !== "agent")) return null;
  return { ...entry, note };
}

/** Who this is from: `own`, `agent` or, for the flow and its bots, `service`. */
export function origin(item, self) {
  if (item.ParticipantId === self || item.ParticipantRole === "CUSTOMER") return "own";
  return AGENTS.has(item.ParticipantRole) ? "agent" : "service";
}
