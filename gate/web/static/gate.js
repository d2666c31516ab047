// What the pages can do with a script; without it they work all the same.
// Texts of other people are only ever moved as nodes that the server wrote: nothing here builds markup from text.
"use strict";

const SWAP_AFTER_MS = 120;
const REFRESH_MS = 60000;
const NOTICE_MS = 6000;
const REOPEN_MS = 5000;
const KEYS_OFF = "gate.keys.off";

const main = document.getElementById("main");
const notices = document.querySelector(".notices");
const live = () => document.getElementById("live");

// ---- times: the viewer's own, with UTC beside

function showTimes(root) {
  const here = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
  const utc = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  for (const time of root.querySelectorAll("time[datetime]:not([data-shown])")) {
    const at = new Date(time.dateTime);
    time.dataset.shown = "";
    if (Number.isNaN(at.getTime())) continue;
    if ("short" in time.dataset) { time.title = time.textContent; time.textContent = near(at); continue; }
    if (at.getTimezoneOffset() === 0) continue;
    time.title = time.textContent;
    time.textContent = `${here.format(at)} (${utc.format(at)} UTC)`;
  }
}

// A time near now in few characters, as the server writes it in the zone of the calendar.
function near(at) {
  const midnight = (day) => new Date(day).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(at) - midnight(Date.now())) / 86400000);
  const day = days === 0 ? {} : days > 0 && days < 7 ? { weekday: "short" } : { day: "numeric", month: "short" };
  const zoned = { hour: "2-digit", minute: "2-digit", timeZoneName: "short", hourCycle: "h23" };
  return at.toLocaleString("en-GB", { ...day, ...zoned }).replace(",", "");
}

// ---- notices

const made = (name, text) => Object.assign(document.createElement(name), { textContent: text });

function button(text, act) {
  const found = Object.assign(made("button", text), { type: "button" });
  found.addEventListener("click", act);
  return found;
}

function tell(text, action, act) {
  const line = made("p", text);
  if (action) {
    line.append(button(action, () => { line.remove(); act(); }));
  } else {
    setTimeout(() => line.remove(), NOTICE_MS);
  }
  notices.replaceChildren(line);
}

// ---- live: what moved is fetched again as the same page

let waiting = null;
let asked = 0;

function concerns(topics) {
  const wanted = live() ? live().dataset.live.split(" ") : ["freezes"];
  return topics.some((topic) => topic === "*" || wanted.includes(topic) || (wanted.includes("changes") && topic.startsWith("chg_")));
}

function refreshSoon() {
  if (waiting === null) waiting = setTimeout(() => { waiting = null; refresh(false); }, SWAP_AFTER_MS);
}

function isBusy(node) {
  if (node.contains(document.activeElement) && document.activeElement.matches("textarea, input, select")) return true;
  return [...node.querySelectorAll("textarea, input[type=text], input:not([type])")].some((field) => field.value !== field.defaultValue)
    || [...node.querySelectorAll("input[type=checkbox]")].some((box) => box.checked !== box.defaultChecked)
    || node.querySelector("details[open] form") !== null;
}

// The strip is on every page, so it is swapped whatever else the page shows; an open question in it stays.
function swapStrip(fresh) {
  const old = document.getElementById("strip");
  if (!fresh || !old || old.querySelector("details[open]")) return;
  showTimes(fresh);
  if (fresh.isEqualNode(old)) return;
  const focused = old.contains(document.activeElement) ? [...old.querySelectorAll("a, summary")].indexOf(document.activeElement) : -1;
  old.replaceWith(document.adoptNode(fresh));
  if (focused >= 0) fresh.querySelectorAll("a, summary")[focused]?.focus({ preventScroll: true });
}

// Return the page of this address, or null if it cannot be read now.
async function pageAt(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (answer.redirected && new URL(answer.url).pathname === "/login") { tell("You are signed out.", "Sign in", () => location.reload()); return null; }
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch { return null; }
}

async function refresh(force) {
  const number = ++asked;
  const page = await pageAt(location.href);
  if (!page || number !== asked) return;
  swapStrip(page.getElementById("strip"));
  const fresh = page.getElementById("live");
  const old = live();
  if (!fresh || !old) return;
  if (fresh.isEqualNode(old)) return;
  if (!force && "version" in old.dataset && isBusy(old)) {
    if (fresh.dataset.version !== old.dataset.version) tell("This change moved while you were writing.", "Show it as it is now", () => refresh(true));
    return;
  }
  const focused = document.activeElement && old.contains(document.activeElement) ? document.activeElement.closest("[id]") : null;
  const opened = [...old.querySelectorAll("details[open]")].map((one) => one.querySelector("summary").textContent);
  const here = currentItem()?.id;
  const before = new Set([...old.querySelectorAll(".item")].map((item) => item.id));
  const ticked = [...old.querySelectorAll(".tick:checked")].map((box) => box.value);
  for (const item of fresh.querySelectorAll(".item")) {
    if (!before.has(item.id) && before.size + old.querySelectorAll(".empty").length > 0) item.classList.add("fresh");
  }
  // What was ticked stays ticked, unless it was decided again: then another thing would be decided on.
  for (const box of fresh.querySelectorAll(".tick")) box.checked = ticked.includes(box.value);
  const batch = old.querySelector("#many");
  if (batch && isBusy(batch)) fresh.querySelector("#many")?.replaceWith(batch);
  for (const one of fresh.querySelectorAll("details:not([open])")) {
    if (opened.includes(one.querySelector("summary").textContent) && !one.querySelector("form")) one.open = true;
  }
  old.replaceWith(document.adoptNode(fresh));
  document.title = page.title;
  prepare(fresh);
  if (pane()) again(here);
  if (focused && focused.id) document.getElementById(focused.id)?.focus({ preventScroll: true });
  const arrived = [...fresh.querySelectorAll(".item.fresh")].length;
  if (arrived) tell(arrived === 1 ? "One new change." : `${arrived} new changes.`);
}

// A browser opens few connections to one server, so of all tabs one listens and tells the others; the next one takes over.
const CHANNEL = "gate.events";
const channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;
let stream = null;

function hear(said) {
  if (said.topics && concerns(said.topics)) refreshSoon();
  if (said.state) document.body.dataset.stream = said.state;
}

function tellAll(said) {
  hear(said);
  channel?.postMessage(said);
}

function openStream() {
  stream = new EventSource("/v1/events");
  stream.addEventListener("moved", (event) => tellAll({ topics: JSON.parse(event.data) }));
  // What moved while no tab listened was told to nobody: until a tab that closed has a successor,
  // or a broken stream is open again. So every tab reads again once a stream is open.
  stream.addEventListener("open", () => tellAll({ state: "on", topics: ["*"] }));
  stream.addEventListener("error", () => {
    tellAll({ state: "off" });
    if (stream?.readyState === EventSource.CLOSED) setTimeout(openStream, REOPEN_MS);
  });
}

function closeStream() {
  stream?.close();
  stream = null;
}

function listen() {
  if (!document.body.dataset.person) return;
  if (channel) {
    channel.addEventListener("message", (event) => {
      if (event.data.ask) { if (stream) channel.postMessage({ state: document.body.dataset.stream || "off" }); } else hear(event.data);
    });
    channel.postMessage({ ask: true });
  }
  if (channel && navigator.locks) {
    navigator.locks.request(CHANNEL, () => new Promise(openStream));
    return;
  }
  // Without locks (plain http to another machine) only a tab that somebody looks at listens.
  const look = () => {
    if (document.visibilityState !== "visible") closeStream();
    else if (!stream) { openStream(); refreshSoon(); }
  };
  document.addEventListener("visibilitychange", look);
  look();
}

addEventListener("pagehide", closeStream);

// ---- freezing: what the window would hold, as it is filled in

let looked = 0;

async function look(form) {
  const number = ++looked;
  const asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (["stop", "services", "environments"].includes(name)) asked.append(name, value);
  }
  const fresh = (await pageAt(`${form.dataset.preview}?${asked}`))?.getElementById("effect");
  if (fresh && number === looked) document.getElementById("effect")?.replaceChildren(...fresh.childNodes);
}

addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.dataset.preview && event.target.matches("select")) look(form);
});

// Times of a form are meant in the viewer's zone, which the form then names. What was typed before stays as it was meant.
function nameZone() {
  const field = document.querySelector("input[name=zone]");
  const typed = [...document.querySelectorAll("input[type=datetime-local]")].some((one) => one.value);
  if (!field || typed) return;
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || field.value;
  for (const shown of document.querySelectorAll(".zone")) shown.textContent = field.value;
}

// ---- keys

const items = () => [...document.querySelectorAll(".items .item")];
const currentItem = () => document.querySelector(".item.here");

function mark(item, focus = true) {
  if (!item) return;
  for (const other of document.querySelectorAll(".item.here")) other.classList.remove("here");
  item.classList.add("here");
  if (focus) { item.focus({ preventScroll: true }); item.scrollIntoView({ block: "nearest" }); }
}

function step(by) {
  const all = items();
  if (!all.length) return;
  const at = all.indexOf(currentItem());
  const fresh = at >= 0 && document.activeElement === document.body && by > 0;
  select(all[at < 0 || fresh ? Math.max(at, 0) : Math.min(Math.max(at + by, 0), all.length - 1)]);
}

// ---- the pane: the change of the row, to decide on it beside the list

const pane = () => document.getElementById("pane");
const shownInPane = () => pane()?.querySelector("[data-change]")?.dataset.change;
let filling = Promise.resolve();
let filled = 0;

function select(item) {
  mark(item);
  if (item && pane() && shownInPane() !== item.id) filling = fill(item.id);
}

// While another change is on its way nothing in the pane can be pressed, and where it does not come the
// pane is empty: a decision must never be on another change than the row that is marked.
async function fill(id) {
  const number = ++filled;
  pane().inert = shownInPane() !== id;
  const fresh = (await pageAt(`/changes/${id}/pane`))?.querySelector("[data-change]");
  if (number !== filled) return;
  pane().inert = false;
  if (!fresh) { if (shownInPane() !== id) pane().replaceChildren(); return; }
  const back = fresh.querySelector("input[name=back]");
  if (back) back.value = then(id);
  pane().replaceChildren(document.adoptNode(fresh));
  prepare(pane());
}

// Where the queue goes on when this change is decided: with the next one, or else the last.
function then(id) {
  const all = items();
  const at = all.findIndex((one) => one.id === id);
  const next = all[at + 1] || all[at - 1];
  const address = new URL(location.href);
  address.searchParams.delete("open");
  if (next) address.searchParams.set("open", next.id);
  return address.pathname + address.search;
}

// The list was read again: the pane is, too, unless somebody is writing in it. A change that left the list,
// because somebody decided on it, stays in the pane: a press that is meant for it must not meet another one.
function again(id) {
  const marked = id && document.getElementById(id);
  const wanted = marked ? id : shownInPane() ?? items()[0]?.id;
  mark(marked || document.getElementById(wanted), false);
  if (wanted && !isBusy(pane())) filling = fill(wanted);
}

addEventListener("click", (event) => {
  const item = event.target.closest?.(".item");
  if (item && pane()?.offsetParent && !event.target.closest("a, input, label")) select(item);
});

async function decideBy(act) {
  await filling;
  const here = currentItem()?.id;
  if (here && pane()?.offsetParent && shownInPane() !== here) return;
  const root = pane()?.offsetParent ? pane() : document.querySelector(".decide-card");
  const form = root?.querySelector('form.decide[action$="/decisions"]');
  // Whoever may only reject has one button, which a key for the other word must not choose.
  if (!form?.querySelector(`button[value=${act}]`)) return;
  form.querySelector("textarea").focus();
  for (const button of form.querySelectorAll("button")) button.classList.toggle("meant", button.value === act);
}

// Ctrl+Enter presses the button that was chosen by a or r, or the only one there is. Where a form has
// several and none was chosen, nothing is sent: a typed rejection must never become an approval.
function sendMeant(form) {
  const buttons = [...(form?.querySelectorAll("button:not([type=button])") ?? [])];
  const meant = buttons.length > 1 ? buttons.find((button) => button.classList.contains("meant")) : buttons[0];
  if (meant) form.requestSubmit(meant);
  else if (form) tell("Nothing was sent. Press one of the buttons, or leave the text with Escape and choose with a or r.");
}

const KEYS = {
  j: ["next change", () => step(1)],
  k: ["previous change", () => step(-1)],
  o: ["open the change", () => currentItem()?.querySelector("h2 a")?.click()],
  a: ["approve: opens the form, Ctrl+Enter sends it", () => decideBy("approve")],
  r: ["reject: opens the form, Ctrl+Enter sends it", () => decideBy("reject")],
  x: ["tick for a decision on several", () => currentItem()?.querySelector(".tick:not(:disabled)")?.click()],
  "/": ["to the filter", () => document.querySelector("input[type=search]")?.focus()],
  "?": ["these keys", () => help()],
};

function keysAreOff() {
  try { return localStorage.getItem(KEYS_OFF) === "yes"; } catch { return false; }
}

function setKeys(off) {
  try { localStorage.setItem(KEYS_OFF, off ? "yes" : "no"); } catch { /* private windows keep nothing */ }
  showSwitch();
}

function showSwitch() {
  for (const button of document.querySelectorAll("[data-keys-switch]")) {
    button.hidden = false;
    button.textContent = keysAreOff() ? "Switch keys on" : "Switch keys off";
  }
}

function help() {
  const dialog = document.createElement("dialog");
  const list = document.createElement("dl");
  list.className = "pairs";
  for (const [key, [what]] of Object.entries(KEYS)) {
    const term = document.createElement("dt");
    term.append(made("kbd", key));
    list.append(term, made("dd", what));
  }
  dialog.append(made("h2", "Keys"), list, button("Close", () => dialog.close()));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

addEventListener("keydown", (event) => {
  const field = event.target.closest?.("textarea, input, select, dialog");
  if (field?.matches("textarea") && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    sendMeant(field.form);
    return;
  }
  if (field && event.key === "Escape") { field.blur(); return; }
  if ((field && !field.matches("input[type=checkbox]")) || event.ctrlKey || event.metaKey || event.altKey || keysAreOff()) return;
  const known = KEYS[event.key];
  if (known) { event.preventDefault(); known[1](); }
});

addEventListener("click", (event) => { if (event.target.matches?.("[data-keys-switch]")) setKeys(!keysAreOff()); });
addEventListener("focusin", (event) => { const item = event.target.closest?.(".item"); if (item && item !== currentItem()) { mark(item, false); if (pane()) filling = fill(item.id); } });

// ---- drafts: what somebody writes is kept in this tab until it was sent and taken

const DRAFT = "gate.draft ";
const SENT = "gate.sent";
const draftOf = (field) => `${DRAFT}${new URL(field.form.action).pathname} ${field.name}`;

function keep(act) {
  try { return act(sessionStorage); } catch { return null; /* private windows keep nothing */ }
}

function restoreDrafts(root) {
  for (const field of root.querySelectorAll("form[method=post] textarea:not([readonly])")) {
    const draft = keep((store) => store.getItem(draftOf(field)));
    if (draft && !field.value) field.value = draft;
  }
}

function forgetSent() {
  const sent = keep((store) => store.getItem(SENT));
  if (!sent || !document.querySelector("main .notice[role=status], main [data-taken]")) return;
  keep((store) => {
    store.removeItem(SENT);
    for (const key of Object.keys(store)) if (key.startsWith(`${DRAFT}${sent} `)) store.removeItem(key);
  });
}

addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches?.("form[method=post] textarea")) return;
  keep((store) => field.value ? store.setItem(draftOf(field), field.value) : store.removeItem(draftOf(field)));
});

addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  // A second press of the same button while the first is on its way says nothing new.
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  const path = new URL(form.action).pathname;
  keep((store) => { if (path === "/logout") store.clear(); else store.setItem(SENT, path); });
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
  for (const form of document.forms) delete form.dataset.sent;
});

function prepare(root) {
  showTimes(root);
  showSwitch();
  restoreDrafts(root);
}

document.documentElement.classList.add("js");
forgetSent();
prepare(document);
nameZone();
listen();
setInterval(() => { if (document.body.dataset.person && document.visibilityState === "visible") refresh(false); }, REFRESH_MS);
