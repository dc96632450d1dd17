// How all pages tell people of each other. All text is set as text.

export const $ = (id) => document.getElementById(id);
export const made = (id) => $(id).content.firstElementChild.cloneNode(true);
export const quoted = (text) => `“${text}”`;
export const words = (name) => name.replace(/(?<!^)([A-Z])/g, " $1").toLowerCase();
export const names = (changes) => [...new Set(changes.map((one) => one.who || "somebody"))].join(" and ");

const fates = { carry: "to carry it over", drop: "to drop it", done: "that it is done" };

/** What somebody did, by the stored name of the event; `it` is the card. */
export const happened = {
  CardAdded: (of) => `added #${of.number} ${quoted(of.title)}`,
  CardRenamed: (of, it) => `renamed ${it} to ${quoted(of.title)}`,
  CardMoved: (of, it) => `moved ${it} to ${of.column}`,
  CardAssigned: (of, it) => `gave ${it} to ${of.assignee || "nobody"}`,
  CardUpvoted: (of, it) => `voted for ${it}`,
  CardCommented: (of, it) => `said of ${it}: ${quoted(of.text)}`,
  CardRemoved: (of, it) => `removed ${it}`,
  ColumnLimited: (of) => (of.limit ? `let ${of.column} hold ${of.limit} at most` : `let ${of.column} hold any number`),
  ClosingBegun: (of) => `began to close the sprint, into ${of.into}`,
  ClosingStopped: () => "stopped the closing of the sprint",
  CardDecided: (of, it) => `decided about ${it}: ${fates[of.fate] ?? of.fate}`,
  ReviewerNamed: (of) => `named ${of.reviewer} as the reviewer`,
  BoardFrozen: () => "froze the board",
  SummaryDrafted: () => "drafted the summary",
  SummaryPublished: () => "published the summary",
};

/** A card as it is called next to another one. */
export const called = (card) => (card ? `#${card.number} ${quoted(card.title)}` : "it");

/** What somebody did, as a sentence; `it` is what the person looks at. */
export function story(one, it) {
  const what = happened[one.event]?.(one.fields, it) ?? words(one.event);
  return `${one.who || "somebody"} ${what} (version\u00a0${one.version})`;
}

/** A word on what was merged; nothing when nothing was. */
export function noteOf(name, report) {
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

/** An explanation of a refusal, in which the person chooses: theirs, or mine all the same. */
export function explained(told, wish, tell, { mine, theirs }) {
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
    line.textContent = tell(one);
    find(".meanwhile").append(line);
  }
  if (!meanwhile.length) find(".meanwhile").textContent = "nothing that you had not seen";
  find(".rule").textContent = conflict
    ? report.reason || `${report.rule}: ${words(report.command)} does not overwrite what you had not seen`
    : told.detail;
  find(".theirs").textContent = conflict ? "Keep theirs" : "All right";
  find(".mine").textContent = conflict ? "Do mine anyway" : "Try again";
  find(".mine").classList.toggle("main", conflict);
  find(".mine").addEventListener("click", mine);
  find(".theirs").addEventListener("click", theirs);
  return clash;
}

export function noted(text) {
  const note = made("a-note");
  note.textContent = text;
  setTimeout(() => note.remove(), 9000);
  return note;
}

/** A person's colour and first letter. */
export function paint(element, who, letter = true) {
  let hue = 0;
  for (const one of who || "") hue = (hue * 31 + one.codePointAt(0)) % 360;
  element.style.setProperty("--hue", String(hue));
  if (letter) element.textContent = who ? [...who][0].toUpperCase() : "";
}

/** Ask who looks at the page, unless that is known. */
export async function introduce(sender) {
  while (!sender.me) {
    $("ask").showModal();
    await new Promise((closed) => $("ask").addEventListener("close", closed, { once: true }));
    sender.me = $("name").value.trim();
  }
  sessionStorage.setItem("me", sender.me);
  $("me").textContent = sender.me;
  paint($("my-avatar"), sender.me);
}
