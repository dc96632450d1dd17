// What all pages need to talk with the server: who acts, on which board, and sending of commands.

import { answered } from "./foot.js";

export const asked = new URLSearchParams(location.search);
export const board = asked.get("board") || "sprint-42";
export const path = (rest) => `/boards/${encodeURIComponent(board)}/${rest}`;
export const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** The person, and the session: a person's own commands never clash with each other. */
export const sender = {
  me: asked.get("me") || sessionStorage.getItem("me") || "",
  tab: crypto.randomUUID(),
};

const headers = (seen) => ({
  "Content-Type": "application/json",
  "X-Person": encodeURIComponent(sender.me),
  "X-Session": sender.tab,
  "If-Match": `"${seen}"`,
});

/** Send a command with the version that this screen shows; again with the same key if need be. */
export async function post(name, fields, seen) {
  const body = JSON.stringify(fields);
  const named = { ...headers(seen), "Idempotency-Key": crypto.randomUUID() };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(path(`commands/${name}`), { method: "POST", headers: named, body });
      answered(answer);
      const told = await answer.json();
      if (answer.status < 503 || attempt === 4) return { ok: answer.ok, ...told };
      await sleep(1000 * Math.min(5, Number(answer.headers.get("Retry-After")) || 1));
    } catch {
      if (attempt === 4) return { ok: false, detail: "The server cannot be reached." };
      await sleep(400 * attempt);
    }
  }
}

/** What would become of these commands; null if the server cannot say. */
export async function preview(commands, seen) {
  try {
    const body = JSON.stringify(commands);
    const answer = await fetch(path("previews"), { method: "POST", headers: headers(seen), body });
    return answer.ok ? (await answer.json()).previews : null;
  } catch {
    return null;
  }
}
