// The page of a shared board. It shows one version of the board, sends commands with that version,
// and tells what became of them. All text is set as text; there is no framework and no build.

import { follows } from "./foot.js";
import { asked, board, path, post, sender, sleep } from "./wire.js";
import { $, called, explained, introduce, made, noted, noteOf, paint, quoted, story } from "./telling.js";

const state = {
  version: -1, // the version that this screen shows: every command is sent with it
  leftOut: 0, // cards beyond the most that are told
  nextNumber: 1,
  columns: [],
  cards: new Map(),
  explained: new Map(), // command and card -> the version of the last explanation
  held: false,
  earlier: null, // the cursor of the activity's next page
};
const shown = new Map(); // card -> its element
let stream = null;
let again = null; // when to look for another stream
let waiting = []; // who waits for a version to be shown
let drawing = false;

// --- sending ------------------------------------------------------------------------------------

/** What a person wants: `wish` says it in words, `card` is where to explain what became of it. */
async function send(name, fields, wish, version = state.version) {
  const card = fields.card;
  const seen = Math.max(version, state.explained.get(`${name} ${card}`) ?? -1);
  forget(card);
  shown.get(card)?.classList.add("saving");
  const told = await post(name, fields, seen);
  shown.get(card)?.classList.remove("saving");
  if (!told.ok) return explain(name, fields, wish, told);
  if (state.held) told.events.forEach(applyHere);
  else await until(told.version, told.position);
  const note = noteOf(name, told.report);
  if (note) put(card, noted(note));
}

/** A held screen shows the person's own changes, those of others that were explained, no more. */
function applyHere({ event, fields }) {
  const card = state.cards.get(fields.card);
  if (event === "CardAdded") {
    state.cards.set(fields.card, { ...fields, assignee: null, voters: [], comments: 0, version: 0 });
    state.nextNumber = fields.number + 1;
  } else if (event === "ColumnLimited") {
    const column = state.columns.find((one) => one.column === fields.column);
    if (column) column.limit = fields.limit;
    else state.columns.push({ ...fields });
  } else if (!card) return;
  else if (event === "CardRemoved") state.cards.delete(fields.card);
  else if (event === "CardRenamed") card.title = fields.title;
  else if (event === "CardMoved") card.column = fields.column;
  else if (event === "CardAssigned") card.assignee = fields.assignee || null;
  else if (event === "CardUpvoted") card.voters = [...card.voters, fields.voter];
  else if (event === "CardCommented") card.comments += 1;
  draw();
}

// --- telling what became of it ------------------------------------------------------------------

/** What somebody did, as said next to a card. */
const tell = (one, card) => story(one, one.fields.card === card ? "it" : called(state.cards.get(one.fields.card)));

/** Show next to the card why a command was refused, and let the person choose. */
function explain(name, fields, wish, told) {
  if (!told.report) return put(fields.card, noted(told.detail || "It did not work."));
  const clash = explained(told, wish, (one) => tell(one, fields.card), {
    mine: () => send(name, fields, wish),
    theirs: () => {
      forget(fields.card);
      if (state.held) told.meanwhile.forEach(applyHere);
    },
  });
  // With the explanation, the person has seen up to this version what the command clashes with.
  state.explained.set(`${name} ${fields.card}`, told.report.version);
  put(fields.card, clash);
  if (!document.activeElement?.matches("input")) clash.focus({ preventScroll: true });
  return undefined;
}

/** Put a note or an explanation next to its card; where the card is gone, above the board. */
function put(card, element) {
  forget(card);
  element.dataset.card = card || "";
  (shown.get(card) || $("elsewhere")).append(element);
}

function forget(card) {
  for (const one of document.querySelectorAll(".note, .clash")) {
    if (one.dataset.card === (card || "")) one.remove();
  }
}

// --- reading ------------------------------------------------------------------------------------

/** Follow the board; each frame takes this screen to one later version, as a whole. */
function follow() {
  unfollow();
  const source = new EventSource(path("live"));
  stream = source;
  source.addEventListener("board", (event) => take(JSON.parse(event.data), true));
  source.addEventListener("change", (event) => take(JSON.parse(event.data), false));
  source.addEventListener("open", stand);
  follows(source);
  source.addEventListener("error", () => {
    stand();
    if (source.readyState !== EventSource.CLOSED) return; // it connects again, with any worker
    unfollow();
    again = setTimeout(follow, 500);
  });
}

function unfollow() {
  clearTimeout(again);
  stream?.close();
  stream = null;
  follows(null);
}

function take(told, whole) {
  const known = new Map(state.cards);
  if (whole) state.cards.clear();
  for (const row of told.put) state.cards.set(row.card, row);
  for (const card of told.gone) state.cards.delete(card);
  state.version = told.version;
  state.nextNumber = told.next_number;
  state.columns = told.columns;
  state.leftOut = told.left_out || 0;
  draw();
  for (const row of told.put) {
    if (known.size && known.get(row.card)?.version !== row.version) freshen(row);
  }
  waiting = waiting.filter((one) => !(one.version <= state.version && one.done()));
  readPanels(told.position);
}

/** Wait until this screen shows a version; ask for it when the stream does not bring it. */
async function until(version, position) {
  if (state.version >= version) return;
  const came = await Promise.race([
    new Promise((done) => waiting.push({ version, done: () => done(true) || true })),
    sleep(2000),
  ]);
  if (came || state.held || state.version >= version) return;
  const rows = [];
  let page = { next: "" };
  while (page.next !== null) {
    page = await get(path(`cards?limit=200${page.next && `&after=${page.next}`}`), position);
    if (!page) return;
    rows.push(...page.cards);
  }
  take({ ...page, put: rows, gone: [], position }, true);
}

async function get(what, position) {
  try {
    const answer = await fetch(what, { headers: { After: String(position) } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

let panels = null;
function readPanels(position) {
  clearTimeout(panels);
  panels = setTimeout(async () => {
    const [log, load, closing] = await Promise.all([
      get(path("activity?limit=30&stale=1"), position),
      get("/workload?stale=1", position),
      get(path("closing?stale=1"), position),
    ]);
    if (log) drawActivity({ ...log, changes: log.changes.filter((row) => row.version <= state.version) });
    if (load) drawWorkload(load.people);
    if (closing && !state.held) drawClosing(closing);
  }, 120);
}

// --- drawing ------------------------------------------------------------------------------------

function draw() {
  const focused = document.activeElement;
  drawing = true;
  const place = $("columns");
  state.columns.forEach((one, at) => {
    let column = place.children[at];
    if (column?.dataset.column !== one.column) {
      column = newColumn(one.column);
      place.insertBefore(column, place.children[at] || null);
    }
    drawColumn(column, one);
  });
  while (place.children.length > state.columns.length) place.lastElementChild.remove();
  for (const [card, element] of shown) {
    if (!state.cards.has(card)) leave(card, element);
  }
  drawing = false;
  if (focused !== document.activeElement && focused.isConnected) focused.focus();
  stand();
}

/** A card is gone. What its person was told, or was about to say, is not. */
function leave(card, element) {
  shown.delete(card);
  for (const told of element.querySelectorAll(".clash, .note")) $("elsewhere").append(told);
  drawing = false;
  element.querySelector(".edit")?.blur();
  drawing = true;
  element.remove();
}

function newColumn(name) {
  const column = made("a-column");
  column.dataset.column = name;
  column.querySelector(".name").textContent = name;
  column.setAttribute("aria-label", name);
  const add = column.querySelector(".add");
  add.addEventListener("click", () => edit(add, "", { label: `A card in ${name}`, most: 200 }, (title, seen) => {
    const card = `c-${crypto.randomUUID().slice(0, 8)}`;
    const fields = { card, number: state.nextNumber, title, column: name };
    send("AddCard", fields, `add ${quoted(title)} to ${name}`, seen);
  }));
  const room = column.querySelector(".room");
  room.addEventListener("click", () => {
    const { limit } = state.columns.find((one) => one.column === name);
    edit(room, limit || "", { label: `The most cards in ${name}; empty: any number`, most: 3, empty: true }, (text, seen) => {
      const most = text ? Number(text) || 0 : null;
      const wish = text ? `let ${name} hold ${text} at most` : `let ${name} hold any number`;
      send("LimitColumn", { column: name, limit: most }, wish, seen);
    });
  });
  column.addEventListener("dragover", (event) => {
    event.preventDefault();
    column.classList.add("over");
  });
  column.addEventListener("dragleave", (event) => {
    if (!column.contains(event.relatedTarget)) column.classList.remove("over");
  });
  column.addEventListener("drop", (event) => {
    event.preventDefault();
    column.classList.remove("over");
    const card = event.dataTransfer.getData("text/plain");
    if (state.cards.has(card)) move(card, name);
  });
  return column;
}

function drawColumn(column, { column: name, limit }) {
  const rows = [...state.cards.values()].filter((row) => row.column === name);
  rows.sort((one, other) => one.number - other.number);
  const room = column.querySelector(".room");
  room.textContent = limit ? `${rows.length} of ${limit}` : String(rows.length);
  room.setAttribute("aria-label", `${rows.length} cards, ${limit ? `at most ${limit}` : "any number"}. Change the limit.`);
  column.classList.toggle("full", Boolean(limit) && rows.length >= limit);
  const place = column.querySelector(".cards");
  rows.forEach((row, at) => {
    const element = shown.get(row.card) || newCard(row.card);
    drawCard(element, row);
    if (place.children[at] !== element) place.insertBefore(element, place.children[at] || null);
  });
}

function newCard(card) {
  const element = made("a-card");
  const on = (what, act) => element.querySelector(what).addEventListener("click", act);
  const row = () => state.cards.get(card);
  element.dataset.card = card;
  shown.set(card, element);
  on(".title", ({ currentTarget: button }) => {
    const { title: before } = row();
    edit(button, before, { label: "The card's title", most: 200 }, (title, seen) => {
      if (title !== before) send("RenameCard", { card, title }, `rename it to ${quoted(title)}`, seen);
    });
  });
  on(".assignee", ({ currentTarget: button }) => {
    const before = row().assignee || "";
    const how = { label: "Who does it; empty: nobody", most: 40, list: "people", empty: true };
    edit(button, before || sender.me, how, (assignee, seen) => {
      if (assignee !== before) send("AssignCard", { card, assignee }, `give it to ${assignee || "nobody"}`, seen);
    });
  });
  on(".vote", () => send("Upvote", { card }, "vote for it"));
  on(".remove", () => send("RemoveCard", { card }, "remove it"));
  on(".left", () => move(card, beside(row().column, -1)));
  on(".right", () => move(card, beside(row().column, 1)));
  on(".talk", () => talk(card));
  const say = element.querySelector(".say");
  say.addEventListener("keydown", (event) => {
    const text = say.value.trim();
    if (event.key === "Escape") talk(card);
    if (event.key !== "Enter" || !text) return;
    say.value = "";
    const comment = `${Date.now()}-${crypto.randomUUID().slice(0, 4)}`;
    send("Comment", { card, comment, text }, `say ${quoted(text)}`).then(() => readComments(card));
  });
  element.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/plain", card);
    event.dataTransfer.effectAllowed = "move";
    element.classList.add("dragged");
  });
  element.addEventListener("dragend", () => element.classList.remove("dragged"));
  return element;
}

function drawCard(element, row) {
  const find = (what) => element.querySelector(what);
  const text = (what, said) => {
    const found = find(what);
    if (found.textContent !== said) found.textContent = said;
  };
  text(".number", `#${row.number}`);
  text(".title", row.title);
  text(".assignee .name", row.assignee || "");
  paint(find(".assignee .avatar"), row.assignee);
  find(".assignee").classList.toggle("nobody", !row.assignee);
  find(".assignee").setAttribute("aria-label", `${row.assignee || "Nobody"} does it. Change that.`);
  text(".vote span", String(row.voters.length));
  const voted = row.voters.includes(sender.me);
  find(".vote").classList.toggle("on", voted);
  find(".vote").disabled = voted;
  find(".vote").setAttribute("aria-label", `${row.voters.length} votes${voted ? ", yours too" : ". Vote."}`);
  find(".vote").title = row.voters.join(", ") || "Vote";
  find(".talk").title = "Comments";
  text(".talk span", String(row.comments));
  find(".talk").setAttribute("aria-label", `${row.comments} comments`);
  find(".remove").setAttribute("aria-label", `Remove #${row.number}`);
  for (const [what, step] of [[".left", -1], [".right", 1]]) {
    const to = beside(row.column, step);
    find(what).disabled = !to;
    find(what).setAttribute("aria-label", to ? `Move #${row.number} to ${to}` : "There is no column");
    find(what).title = to ? `Move to ${to}` : "";
  }
  if (!find(".talking").hidden && element.dataset.comments !== String(row.comments)) readComments(row.card);
}

const beside = (column, step) =>
  state.columns[state.columns.findIndex((one) => one.column === column) + step]?.column;

function move(card, column) {
  if (column && state.cards.get(card).column !== column) send("MoveCard", { card, column }, `move it to ${column}`);
}

/** Show for a moment that somebody else changed a card. */
function freshen(row) {
  const element = shown.get(row.card);
  if (!element || row.changed_by === sender.me) return;
  paint(element, row.changed_by, false);
  element.dataset.by = row.changed_by;
  element.classList.remove("fresh");
  void element.offsetWidth; // so that the same animation begins again
  element.classList.add("fresh");
  $("said").textContent = `${row.changed_by} changed #${row.number}`;
}

function talk(card) {
  const element = shown.get(card);
  const talking = element.querySelector(".talking");
  talking.hidden = !talking.hidden;
  element.querySelector(".talk").setAttribute("aria-expanded", String(!talking.hidden));
  if (!talking.hidden) {
    readComments(card);
    element.querySelector(".say").focus();
  }
}

async function readComments(card) {
  const told = await get(path(`cards/${encodeURIComponent(card)}/comments?stale=1`), 0);
  const element = shown.get(card);
  if (!told || !element) return;
  element.dataset.comments = String(told.comments.length);
  element.querySelector(".comments").replaceChildren(...told.comments.map((one) => {
    const line = document.createElement("li");
    const who = document.createElement("b");
    who.textContent = one.who;
    line.append(who, ` ${one.text}`);
    return line;
  }));
}

/**
 * Put an input where a button is; Enter or leaving it is yes, Escape is no. Its person acts on the
 * version that was shown when it was opened: what comes meanwhile, the input hides.
 */
function edit(button, value, { label, most, list, empty }, yes) {
  const input = document.createElement("input");
  const seen = state.version;
  input.className = "edit";
  input.value = value;
  input.maxLength = most;
  input.setAttribute("aria-label", label);
  input.placeholder = label;
  if (list) input.setAttribute("list", list);
  let open = true;
  const close = (how) => {
    if (!open || (how === "left" && drawing)) return;
    open = false;
    const text = input.value.trim();
    const hadFocus = document.activeElement === input;
    button.hidden = false;
    input.remove();
    if (hadFocus) button.focus();
    const changed = text !== String(value).trim();
    if ((text || empty) && (how === "entered" || (how === "left" && changed))) yes(text, seen);
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault(); // or else Enter would press the button, too
    close(event.key === "Enter" ? "entered" : "escaped");
  });
  input.addEventListener("blur", () => close("left"));
  button.hidden = true;
  button.after(input);
  input.focus();
  input.select();
}

function drawActivity(told, more = false) {
  const lines = told.changes.map((row) => {
    const line = made("a-change");
    const find = (what) => line.querySelector(what);
    paint(find(".avatar"), row.who);
    find("b").textContent = row.who || "somebody";
    find(".what span").textContent = row.said;
    find("time").dateTime = row.at;
    find("time").textContent = new Date(row.at).toLocaleTimeString([], { timeStyle: "short" });
    find(".version").textContent = `version ${row.version}`;
    if (row.report) {
      find(".how").hidden = find(".outcome").hidden = false;
      find(".how").textContent = row.report;
      find(".outcome").textContent = row.outcome;
      find(".outcome").classList.add(row.outcome);
    }
    return line;
  });
  if (more) $("activity").append(...lines);
  else $("activity").replaceChildren(...lines);
  state.earlier = told.next;
  $("earlier").hidden = !told.next;
}

function drawWorkload(people) {
  const most = Math.max(1, ...people.map((one) => one.to_do + one.done));
  $("workload").replaceChildren(...people.map((one) => {
    const line = made("a-person");
    paint(line.querySelector(".avatar"), one.person);
    line.querySelector(".name").textContent = one.person;
    line.querySelector(".doing").style.width = `${(100 * one.to_do) / most}%`;
    line.querySelector(".done").style.width = `${(100 * one.done) / most}%`;
    line.querySelector(".figures").textContent = `${one.to_do} to do, ${one.done} done`;
    return line;
  }));
  $("people").replaceChildren(...people.map((one) => new Option(one.person)));
}

/** How far the closing of this sprint is, as a link to it; a frozen board says so. */
function drawClosing({ stage, frozen_by: who, undecided }) {
  const link = { open: "Close the sprint", closing: `Closing: ${undecided} to decide`, frozen: "Closing: frozen", closed: "Closed" };
  $("closing").textContent = link[stage];
  $("frozen").hidden = stage !== "frozen" && stage !== "closed";
  $("frozen").textContent = `This board is frozen: ${who || "somebody"} froze it when the sprint was closed. It does not change any more.`;
}

/** How this screen stands: live, held, or cut off. */
function stand() {
  const live = stream?.readyState === EventSource.OPEN;
  const how = state.held ? "held" : live ? "live" : "away";
  const said = { held: "Held", live: "Live", away: "Reconnecting…" }[how];
  document.body.dataset.standing = how;
  const left = state.leftOut ? ` · ${state.leftOut} cards are not shown` : "";
  $("standing-text").textContent = state.version < 0 ? said : `${said} · version ${state.version}${left}`;
  $("hold").setAttribute("aria-checked", String(state.held));
  $("banner").hidden = !state.held;
  $("banner").textContent = `Your screen is held at version ${state.version}. What others do is not shown; what you do is sent as of version ${state.version}, and merged.`;
}

// --- beginning ----------------------------------------------------------------------------------

function hold() {
  state.held = !state.held;
  if (state.held) unfollow();
  else follow();
  stand();
}

async function begin() {
  $("board").textContent = board;
  document.title = `${board} · a shared board`;
  await introduce(sender);
  const here = new URLSearchParams(asked);
  here.set("board", board);
  here.set("me", sender.me);
  $("closing").href = `closing?${here}`;
  // The closing's own events do not change this screen, so it looks when its person comes back.
  addEventListener("focus", () => readPanels(0));
  $("hold").addEventListener("click", hold);
  $("earlier").addEventListener("click", async () => {
    const told = await get(path(`activity?limit=30&after=${state.earlier}`), 0);
    if (told) drawActivity(told, true);
  });
  follow();
}

begin();
