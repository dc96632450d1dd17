// The foot of the pages: which worker answers this window, which others there are, and who leads what.

import { $, made } from "./telling.js";

const EVERY = 2000; // milliseconds
const heard = { stream: null, answer: null }; // the processes that this window has last heard of

/** Tell which process sends the stream of this window; null: it has none now. */
export function follows(stream) {
  heard.stream = null;
  stream?.addEventListener("worker", (event) => {
    heard.stream = Number(event.data);
    look();
  });
}

/** Tell which process has answered a command. */
export function answered(answer) {
  heard.answer = Number(answer.headers.get("Worker"));
  look();
}

let next = null;
async function look() {
  clearTimeout(next);
  try {
    const answer = await fetch("/workers");
    if (answer.ok) draw((await answer.json()).processes);
  } catch {
    // it is asked again
  }
  clearTimeout(next);
  next = setTimeout(look, EVERY);
}

function draw(processes) {
  const live = heard.stream ? `Live from process ${heard.stream}. ` : "";
  const did = heard.answer ? `The last command was answered by process ${heard.answer}.` : "";
  $("answers").textContent = live + did;
  $("processes").replaceChildren(...processes.map(({ process, leads }) => {
    const line = made("a-process");
    line.dataset.process = process;
    line.classList.toggle("mine", process === heard.stream);
    line.querySelector(".process").textContent = process;
    line.querySelector(".leads").textContent = leads.length ? `leads ${leads.join(", ")}` : "stands by";
    return line;
  }));
}
