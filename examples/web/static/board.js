// The page of a shared board. It shows one version of the board, sends commands with that version,
// and tells what became of them. All text is set as text; there is no framework and no build.

const asked = new URLSearchParams(location.search);
const board = asked.get("board") || "sprint-42";
const $ = (id) => document.getElementById(id);
const made = (id) => $(id).content.firstElementChild.cloneNode(true);
const quoted = (text) => `“${text}”`;
const path = (rest) => `/boards/${encodeURIComponent(board)}/${rest}`;

const state = {
  me: asked.get("me") || sessionStorage.getItem("me") || "",
  tab: crypto.randomUUID(), // the session: a person's own commands never clash with each other
  from: location.origin, // where this page reads: the writer, or a reader
  readers: [],
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

/** Send a command with the version that this screen shows; again with the same key if need be. */
async function post(name, fields, seen) {
  const headers = {
    "Content-Type": "application/json",
    "X-Person": encodeURIComponent(state.me),
    "X-Session": state.tab,
    "If-Match": `"${seen}"`,
    "Idempotency-Key": crypto.randomUUID(),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const body = JSON.stringify(fields);
      const answer = await fetch(path(`commands/${name}`), { method: "POST", headers, body });
      const told = await answer.json();
      if (answer.status < 503 || attempt === 4) return { ok: answer.ok, ...told };
      await sleep(1000 * Math.min(5, Number(answer.headers.get("Retry-After")) || 1));
    } catch {
      if (attempt === 4) return { ok: false, detail: "The server cannot be reached." };
      await sleep(400 * attempt);
    }
  }
}

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

const happened = {
  CardAdded: (of) => `added #${of.number} ${quoted(of.title)}`,
  CardRenamed: (of, it) => `renamed ${it} to ${quoted(of.title)}`,
  CardMoved: (of, it) => `moved ${it} to ${of.column}`,
  CardAssigned: (of, it) => `gave ${it} to ${of.assignee || "nobody"}`,
  CardUpvoted: (of, it) => `voted for ${it}`,
  CardCommented: (of, it) => `said of ${it}: ${quoted(of.text)}`,
  CardRemoved: (of, it) => `removed ${it}`,
  ColumnLimited: (of) => (of.limit ? `let ${of.column} hold ${of.limit} at most` : `let ${of.column} hold any number`),
};

/** What somebody did, as said next to a card. */
function story(one, card) {
  const other = state.cards.get(one.fields.card);
  const it = one.fields.card === card || !other ? "it" : `#${other.number} ${quoted(other.title)}`;
  const what = happened[one.event]?.(one.fields, it) ?? words(one.event);
  return `${one.who || "somebody"} ${what} (version\u00a0${one.version})`;
}

const words = (name) => name.replace(/(?<!^)([A-Z])/g, " $1").toLowerCase();
const names = (changes) => [...new Set(changes.map((one) => one.who || "somebody"))].join(" and ");

/** A word on what was merged; nothing when nothing was. */
function noteOf(name, report) {
  const clashes = report.changes.filter((one) => one.path !== null);
  const told = clashes.map((one) => `${words(one.event)} by ${one.who || "somebody"}`).join(", ");
  if (report.outcome === "merged") {
    return `Merged with ${report.unseen === 1 ? "a change" : `${report.unseen} changes`} that you had not seen.`;
  }
  if (report.outcome === "rebased") {
    return name === "AddCard"
      ? `${names(clashes)} took the number meanwhile: this is the next one.`
      : `Yours came last: ${told} meanwhile (rule ${report.rule}).`;
  }
  if (report.outcome === "unchanged") {
    const dropped = report.rule && !report.became;
    return dropped ? `Not done: ${told} meanwhile (rule ${report.rule}).` : "It was so already.";
  }
  return "";
}

function noted(text) {
  const note = made("a-note");
  note.textContent = text;
  setTimeout(() => note.remove(), 9000);
  return note;
}

/** Show next to the card why a command was refused, and let the person choose. */
function explain(name, fields, wish, told) {
  if (!told.report) return put(fields.card, noted(told.detail || "It did not work."));
  const { report, meanwhile } = told;
  const conflict = report.outcome === "conflicted";
  const clash = made("a-clash");
  const find = (what) => clash.querySelector(what);
  find("h3").textContent = meanwhile.length
    ? `${names(meanwhile)} ${conflict ? "changed this, too" : "came first"}`
    : "The board says no";
  find(".wish").textContent = `${wish}, looking at version\u00a0${report.seen}`;
  for (const one of meanwhile) {
    const line = document.createElement("p");
    line.textContent = story(one, fields.card);
    find(".meanwhile").append(line);
  }
  if (!meanwhile.length) find(".meanwhile").textContent = "nothing that you had not seen";
  find(".rule").textContent = conflict
    ? `${report.rule}: ${words(report.command)} does not overwrite what you had not seen`
    : told.detail;
  find(".theirs").textContent = conflict ? "Keep theirs" : "All right";
  find(".mine").textContent = conflict ? "Do mine anyway" : "Try again";
  find(".mine").classList.toggle("main", conflict);
  // With the explanation, the person has seen up to this version what the command clashes with.
  state.explained.set(`${name} ${fields.card}`, report.version);
  find(".mine").addEventListener("click", () => send(name, fields, wish));
  find(".theirs").addEventListener("click", () => {
    forget(fields.card);
    if (state.held) meanwhile.forEach(applyHere);
  });
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
  const source = new EventSource(`${state.from}${path("live")}`);
  stream = source;
  source.addEventListener("board", (event) => take(JSON.parse(event.data), true));
  source.addEventListener("change", (event) => take(JSON.parse(event.data), false));
  source.addEventListener("open", stand);
  source.addEventListener("error", () => {
    stand();
    const triesAgain = source.readyState !== EventSource.CLOSED;
    if (triesAgain && state.readers.length < 2) return;
    unfollow();
    choose();
    again = setTimeout(follow, 500);
  });
}

function unfollow() {
  clearTimeout(again);
  stream?.close();
  stream = null;
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
    const answer = await fetch(state.from + what, { headers: { After: String(position) } });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

let panels = null;
function readPanels(position) {
  clearTimeout(panels);
  panels = setTimeout(async () => {
    const [log, load] = await Promise.all([
      get(path("activity?limit=30&stale=1"), position),
      get("/workload?stale=1", position),
    ]);
    if (log) drawActivity({ ...log, changes: log.changes.filter((row) => row.version <= state.version) });
    if (load) drawWorkload(load.people);
  }, 120);
}

/** One of the readers, another one than before. */
function choose() {
  if (!state.readers.length) return;
  const now = state.readers.indexOf(state.from);
  const first = Number(asked.get("reader") ?? Math.floor(Math.random() * state.readers.length));
  state.from = state.readers[(now < 0 ? first : now + 1) % state.readers.length];
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
    edit(button, before || state.me, how, (assignee, seen) => {
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
  const voted = row.voters.includes(state.me);
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
  if (!element || row.changed_by === state.me) return;
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

/** A person's colour and first letter. */
function paint(element, who, letter = true) {
  let hue = 0;
  for (const one of who || "") hue = (hue * 31 + one.codePointAt(0)) % 360;
  element.style.setProperty("--hue", String(hue));
  if (letter) element.textContent = who ? [...who][0].toUpperCase() : "";
}

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

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
  while (!state.me) {
    $("ask").showModal();
    await new Promise((closed) => $("ask").addEventListener("close", closed, { once: true }));
    state.me = $("name").value.trim();
  }
  sessionStorage.setItem("me", state.me);
  $("me").textContent = state.me;
  paint($("my-avatar"), state.me);
  $("hold").addEventListener("click", hold);
  $("earlier").addEventListener("click", async () => {
    const told = await get(path(`activity?limit=30&after=${state.earlier}`), 0);
    if (told) drawActivity(told, true);
  });
  state.readers = (await (await fetch("/readers")).json()).readers;
  choose();
  follow();
}

begin();
