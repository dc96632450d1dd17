// The guided task: it leads a person through the closing of a sprint. The process on the server says
// which step is next; previews, at the version on this screen, say what can be done and why not.

import { follows } from "./foot.js";
import { asked, board, path, post, preview, sender, sleep } from "./wire.js";
import { $, called, explained, introduce, made, noted, noteOf, paint, quoted, story } from "./telling.js";

const STEPS = ["cards", "reviewer", "freeze", "publish"];
const ACTS = { reviewer: "NameReviewer", freeze: "FreezeBoard", publish: "PublishSummary" };
const FATES = { carry: "carry it over", drop: "drop it", done: "call it done" };
const state = {
  shown: null, // the closing as this screen shows it
  newest: null, // the closing as it is; later than what is shown if the screen is held
  step: null, // the next step, as the process says
  held: false,
  can: new Map(), // what may be done -> its preview
  seen: new Map(), // what is being written, or was explained -> the version that its person has seen
  folds: new Map(), // step -> whether its person opened or shut it
};
const rows = new Map(); // card -> its element
let stream = null;
let asking = 0;

// --- what can be done ---------------------------------------------------------------------------

/** Everything that could be done from this screen: a name for it, the command and its fields. */
function possible() {
  const { stage, cards } = state.shown;
  if (stage === "closed") return [];
  if (stage === "open") return $("into").value.trim() ? [["CloseSprint", "CloseSprint", fieldsOf.CloseSprint()]] : [];
  const all = [["PublishSummary", "PublishSummary", { text: $("text").value.trim().slice(0, 200) || "…" }]];
  if ($("reviewer").value.trim()) all.push(["NameReviewer", "NameReviewer", fieldsOf.NameReviewer()]);
  if (stage === "frozen") return all;
  all.push(["FreezeBoard", "FreezeBoard", {}], ["StopClosing", "StopClosing", {}]);
  for (const { card, fate } of cards.slice(0, 90)) {
    const other = fate === "carry" ? "drop" : "carry"; // to decide the same again is always possible
    all.push([`DecideCard ${card}`, "DecideCard", { card, fate: other }]);
  }
  return all;
}

const seenOf = (name) => state.seen.get(name) ?? state.shown.version;

/** Ask the server what can be done, at the version that the person has seen of each thing. */
async function look() {
  const mine = (asking += 1);
  await sleep(30); // several changes at once are one question
  if (mine !== asking || !state.shown) return;
  const bySeen = new Map();
  for (const one of possible()) {
    const seen = seenOf(one[0]);
    bySeen.set(seen, [...(bySeen.get(seen) ?? []), one]);
  }
  const can = new Map();
  for (const [seen, some] of bySeen) {
    const told = await preview(some.map(([, command, fields]) => ({ command, fields })), seen);
    some.forEach(([name], at) => told && can.set(name, told[at]));
  }
  if (mine !== asking) return;
  state.can = can;
  drawCan();
  drawSteps();
}

function drawCan() {
  for (const form of document.querySelectorAll(".act")) {
    grey([form.querySelector("button[type=submit]")], $(`why-${form.dataset.act}`), form.dataset.act);
  }
  for (const [card, row] of rows) grey(row.querySelectorAll("[data-fate]"), row.querySelector(".why"), `DecideCard ${card}`);
}

/** Grey out buttons of what cannot be done, and say why; a conflict can be done anyway. */
function grey(buttons, why, name) {
  const told = state.can.get(name);
  const can = told?.can ?? true;
  for (const button of buttons) {
    button.setAttribute("aria-disabled", String(!can));
    button.title = can ? "" : told.sentence;
    button.setAttribute("aria-describedby", why.id);
  }
  why.replaceChildren(can ? "" : told.why);
  if (told?.outcome !== "conflicted") return;
  const anyway = document.createElement("button");
  anyway.type = "button";
  anyway.textContent = "I have seen that";
  anyway.addEventListener("click", () => {
    state.seen.set(name, told.version);
    look();
  });
  why.append(" ", anyway);
}

// --- doing --------------------------------------------------------------------------------------

const fieldsOf = {
  CloseSprint: () => ({ into: $("into").value.trim() }),
  NameReviewer: () => ({ reviewer: $("reviewer").value.trim() }),
  FreezeBoard: () => ({}),
  PublishSummary: () => ({ text: $("text").value.trim() }),
  StopClosing: () => ({}),
};
const wishes = {
  CloseSprint: ({ into }) => `close the sprint, into ${into}`,
  NameReviewer: ({ reviewer }) => `name ${reviewer} as the reviewer`,
  FreezeBoard: () => "freeze the board",
  PublishSummary: () => "publish the summary",
  StopClosing: () => "stop the closing",
  DecideCard: ({ card, fate }) => `${FATES[fate]}: ${called(cardOf(card))}`,
};
const inputs = { CloseSprint: "into", NameReviewer: "reviewer", PublishSummary: "text" };
const cardOf = (card) => state.shown.cards.find((one) => one.card === card);

/** Send a command; `place` is where to say what became of it. */
async function send(name, command, fields, place) {
  const wish = wishes[command](fields);
  const seen = seenOf(name);
  place.querySelectorAll(".note, .clash").forEach((one) => one.remove());
  place.setAttribute("aria-busy", "true");
  const told = await post(command, fields, seen);
  place.removeAttribute("aria-busy");
  if (!told.ok) return explain(name, command, fields, wish, told, place);
  state.seen.delete(name);
  if (inputs[command]) $(inputs[command]).value = "";
  if (state.held) told.events.forEach((one) => applyHere(one, sender.me));
  const note = noteOf(command, told.report);
  if (note) place.append(noted(note));
  $("said").textContent = `Done: ${wish}`;
  return look();
}

function explain(name, command, fields, wish, told, place) {
  if (!told.report) return place.append(noted(told.detail || "It did not work."));
  const tell = (one) => story(one, called(cardOf(one.fields.card)));
  const clash = explained(told, wish, tell, {
    mine: () => send(name, command, fields, place),
    theirs: () => {
      clash.remove();
      state.seen.delete(name);
      if (inputs[command]) $(inputs[command]).value = "";
      if (state.held) told.meanwhile.forEach((one) => applyHere(one, one.who));
      look();
    },
  });
  state.seen.set(name, told.report.version); // with the explanation, the person has seen up to here
  place.append(clash);
  clash.focus({ preventScroll: true });
  return look();
}

/** A held screen shows the person's own decisions; what changes the whole screen ends the hold. */
function applyHere({ event, fields }, who) {
  const card = cardOf(fields.card);
  if (event === "CardDecided" && card) Object.assign(card, { fate: fields.fate, decided_by: who });
  else if (event === "ReviewerNamed") Object.assign(state.shown, { reviewer: fields.reviewer, named_by: who });
  else if (state.held && event !== "CardMoved" && event !== "CardRemoved") return hold();
  state.shown.undecided = state.shown.cards.filter((one) => !one.fate).length;
  return draw();
}

function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const name = form.dataset.act;
  const why = state.can.get(name);
  if (why && !why.can) $("said").textContent = `This cannot be done now: ${why.why}`;
  else send(name, name, fieldsOf[name](), form);
}

// --- following ----------------------------------------------------------------------------------

function follow() {
  stream?.close();
  stream = new EventSource(path("closing/live"));
  stream.addEventListener("closing", (event) => take(JSON.parse(event.data)));
  stream.addEventListener("work", (event) => drawWork(JSON.parse(event.data)));
  stream.addEventListener("open", stand);
  follows(stream);
  stream.addEventListener("error", () => {
    stand();
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 500);
  });
}

function take(told) {
  state.newest = told;
  if (!state.held || !state.shown) {
    state.shown = told;
    for (const [name, seen] of state.seen) {
      if (seen >= told.version || !writing(name)) state.seen.delete(name);
    }
    draw();
  }
  stand();
  look();
}

/** Whether its person is writing something that has not been sent. */
const writing = (name) => Boolean(inputs[name] && $(inputs[name]).value);

// --- drawing ------------------------------------------------------------------------------------

const shut = (element, hidden) => {
  element.hidden = hidden;
};

function draw() {
  const { stage, summary, published_by: by, into, reminded, undecided } = state.shown;
  shut($("begin"), stage !== "open");
  shut($("steps"), stage === "open");
  shut($("closed"), stage !== "closed");
  shut($("stop"), stage !== "closing");
  shut($("more"), !state.shown.more);
  $("summary").textContent = summary;
  $("published").textContent = by ? `Published by ${by}.` : "";
  if (!$("into").value) $("into").value = into || nextOf(board);
  $("text").placeholder = stage === "closing" ? "It is drafted when the board is frozen." : "";
  if (stage === "frozen" && !$("text").value) $("text").value = state.shown.draft;
  shut($("reminded"), !reminded);
  if (reminded) $("reminded").textContent = `Nobody went on with this for a while: everybody was reminded at ${clock(reminded)}.`;
  $("next").textContent = nextSaid(stage, undecided);
  drawCards();
  drawSteps();
}

/** The board of the next sprint, by the number at its end. */
const nextOf = (name) => (/\d+$/.test(name) ? name.replace(/\d+$/, (number) => String(Number(number) + 1)) : `${name}-next`);
const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const clock = (time) => new Date(time).toLocaleTimeString([], { timeStyle: "short" });

function nextSaid(stage, undecided) {
  if (stage === "open") return "This sprint is open.";
  if (stage === "closed") return "This sprint is closed.";
  const { reviewer, into } = state.shown;
  const publishes = reviewer === sender.me ? "Next: read the summary, and publish it." : `Next: ${reviewer} reads the summary, and publishes it.`;
  return {
    cards: `Next: decide about ${counted(undecided, "open card")}.`,
    reviewer: "Next: name a reviewer.",
    freeze: "Next: freeze the board.",
    carry: `The cards are being added to ${into} …`,
    summary: "The summary is being drafted …",
    publish: publishes,
  }[state.step] ?? "";
}

function drawCards() {
  const known = new Set(state.shown.cards.map((one) => one.card));
  for (const [card, row] of rows) {
    if (!known.has(card)) {
      row.remove();
      rows.delete(card);
    }
  }
  for (const one of state.shown.cards) {
    const row = rows.get(one.card) ?? newRow(one.card);
    row.querySelector(".number").textContent = `#${one.number}`;
    row.querySelector(".title").textContent = one.title;
    row.querySelector(".by").textContent = one.fate ? `by ${one.decided_by || "somebody"}` : `in ${one.column}`;
    row.querySelector(".fates").setAttribute("aria-label", `What becomes of #${one.number} ${one.title}`);
    for (const button of row.querySelectorAll("[data-fate]")) {
      button.setAttribute("aria-pressed", String(button.dataset.fate === one.fate));
    }
    if ($("cards").children[state.shown.cards.indexOf(one)] !== row) {
      $("cards").insertBefore(row, $("cards").children[state.shown.cards.indexOf(one)] ?? null);
    }
  }
}

function newRow(card) {
  const row = made("a-card");
  rows.set(card, row);
  row.querySelector(".why").id = `why-${card}`;
  for (const button of row.querySelectorAll("[data-fate]")) {
    button.addEventListener("click", () => {
      const name = `DecideCard ${card}`;
      const why = state.can.get(name);
      if (why && !why.can) $("said").textContent = `This cannot be done now: ${why.why}`;
      else send(name, "DecideCard", { card, fate: button.dataset.fate }, row);
    });
  }
  return row;
}

/** What a step came to, or why it must wait, in a few words. */
function toldOf(step, fold) {
  const { stage, cards, undecided, reviewer, named_by: by, done, dropped, carried, frozen_by: who } = state.shown;
  const isOver = stage === "frozen" || stage === "closed";
  if (step === "reviewer" && reviewer) return by ? `${reviewer}, named by ${by}` : reviewer;
  if (step === "freeze" && isOver) return `frozen by ${who || "somebody"}`;
  if (step === "publish" && stage === "closed") return `published by ${state.shown.published_by || "somebody"}`;
  if (step !== "cards") return (fold === "shut" && state.can.get(ACTS[step])?.why) || "";
  if (isOver) return `${done.length} done, ${carried.length} carried over, ${dropped.length} dropped`;
  return undecided ? `${undecided} of ${cards.length} to decide` : `${counted(cards.length, "card")} decided`;
}

function drawSteps() {
  const { stage, undecided, reviewer } = state.shown;
  const isOver = stage === "frozen" || stage === "closed";
  const done = { cards: !undecided || isOver, reviewer: Boolean(reviewer), freeze: isOver, publish: stage === "closed" };
  const fixed = { cards: isOver, reviewer: stage === "closed", freeze: isOver, publish: stage !== "frozen" };
  for (const step of STEPS) {
    const element = document.querySelector(`[data-step="${step}"]`);
    const isNow = state.step === step && stage !== "closed";
    const fold = fixed[step] ? "shut" : state.folds.get(step) ?? (isNow ? "open" : "shut");
    element.dataset.state = isNow ? "now" : done[step] ? "done" : "later";
    element.dataset.fold = fold;
    element.toggleAttribute("aria-current", isNow);
    if (isNow) element.setAttribute("aria-current", "step");
    const button = element.querySelector(".fold");
    button.setAttribute("aria-expanded", String(fold === "open"));
    button.disabled = fixed[step];
    element.querySelector(".told").textContent = toldOf(step, fold);
  }
}

function toggle(step) {
  const element = document.querySelector(`[data-step="${step}"]`);
  state.folds.set(step, element.dataset.fold === "open" ? "shut" : "open");
  drawSteps();
}

// --- what is at work ----------------------------------------------------------------------------

const waitsFor = {
  cards: "somebody to decide about cards",
  reviewer: "somebody to name a reviewer",
  freeze: "somebody to freeze the board",
  carry: "the next sprint to take its cards",
  summary: "the summary to be drafted",
  publish: "the reviewer to publish",
};

function drawWork({ process, outlet, chat }) {
  if (!state.held && state.step !== process.step) {
    state.step = process.step;
    state.folds.clear();
    if (state.shown) draw();
  }
  facts($("process"), [
    ["State", process.state],
    ["Waits for", waitsFor[process.step] ?? "nothing: no closing is going on here"],
    ["Reminds", process.timer ? `everybody at ${clock(process.timer)}` : ""],
    ["Ordered", process.orders.join(", ")],
    ["Not heard yet", process.behind ? counted(process.behind, "event") : ""],
    ["Stuck", process.stuck, true],
  ]);
  facts($("outlet"), [
    ["State", outlet.state, outlet.state === "resting"],
    ["Behind", outlet.behind ? `${counted(outlet.behind, "event")}, ${counted(outlet.seconds, "second")}` : "nothing"],
    ["Waits since", outlet.oldest ? clock(outlet.oldest) : ""],
    ["Tries again", outlet.waiting ? counted(outlet.waiting, "room") : "", true],
    ["Parked", outlet.parked ? counted(outlet.parked, "post") : "", true],
    ["Circuit breaker", outlet.breaker, outlet.breaker !== "closed"],
    ["Delivered", counted(outlet.delivered, "post")],
    ["Failed", outlet.failed ? counted(outlet.failed, "time") : ""],
    ["Error", outlet.waiting || outlet.parked ? outlet.error : ""],
  ]);
  shut($("again"), !outlet.parked);
  for (const button of document.querySelectorAll("[data-weather]")) {
    button.setAttribute("aria-pressed", String(button.dataset.weather === chat.weather));
  }
  $("posts").replaceChildren(...chat.posts.map((text) => {
    const post = document.createElement("li");
    post.textContent = text;
    return post;
  }));
}

function facts(list, some) {
  list.replaceChildren(...some.filter(([, said]) => said).flatMap(([what, said, bad]) => {
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = what;
    value.textContent = said;
    value.classList.toggle("bad", Boolean(bad));
    return [term, value];
  }));
}

// --- beginning ----------------------------------------------------------------------------------

/** How this screen stands: live, held, or cut off. */
function stand() {
  const live = stream?.readyState === EventSource.OPEN;
  const how = state.held ? "held" : live ? "live" : "away";
  const said = { held: "Held", live: "Live", away: "Reconnecting…" }[how];
  document.body.dataset.standing = how;
  $("standing-text").textContent = state.shown ? `${said} · version ${state.shown.version}` : said;
  $("hold").setAttribute("aria-checked", String(state.held));
  shut($("banner"), !state.held);
  if (state.held) $("banner").textContent = `Your screen is held at version ${state.shown.version}. What others do is not shown; it only greys out what you cannot do any more.`;
}

function hold() {
  state.held = !state.held && Boolean(state.shown);
  if (!state.held && state.newest) take(state.newest);
  stand();
}

async function begin() {
  $("board").textContent = board;
  document.title = `Closing ${board}`;
  await introduce(sender);
  const back = new URLSearchParams(asked);
  back.set("board", board);
  back.set("me", sender.me);
  $("back").href = `./?${back}`;
  $("hold").addEventListener("click", hold);
  for (const form of document.querySelectorAll(".act")) form.addEventListener("submit", submit);
  for (const [name, id] of Object.entries(inputs)) {
    $(id).addEventListener("input", () => {
      // What comes while a person writes counts as not seen.
      if (!state.seen.has(name)) state.seen.set(name, state.shown.version);
      if (!writing(name)) state.seen.delete(name);
      look();
    });
  }
  for (const step of STEPS) {
    document.querySelector(`[data-step="${step}"] .fold`).addEventListener("click", () => toggle(step));
  }
  for (const button of document.querySelectorAll("[data-weather]")) {
    button.addEventListener("click", () => fetch("chat/weather", {
      method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(button.dataset.weather),
    }));
  }
  $("again").addEventListener("click", async () => {
    for (let attempt = 1; attempt <= 30; attempt += 1) {
      if ((await fetch("chat/again", { method: "POST" })).status !== 503) return;
      await sleep(50); // another worker has to do that: a new connection may lead there
    }
  });
  follow();
}

begin();
