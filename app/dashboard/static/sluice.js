"use strict";
// What pages do beyond links and forms: keys, copying, refreshing, the local zone. Nothing else needs it.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const said = document.querySelector("[data-said]");
  let saidUntil;

  function say(text) {
    clearTimeout(saidUntil);
    said.textContent = text;
    saidUntil = setTimeout(() => { said.textContent = ""; }, 3000);
  }

  // Copying. The clipboard is there on https and localhost only; elsewhere a selection is copied.
  function copyOld(text) {
    const area = document.createElement("textarea");
    area.value = text;
    area.readOnly = true;
    area.className = "hidden";
    (document.querySelector("dialog[open]") || document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  async function copy(text, from) {
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {
      done = copyOld(text);
      from.focus();
    }
    say(done ? "Copied" : "This browser did not copy");
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy], [data-copy-text], [data-copy-link]");
    if (button) {
      const { copy: target, copyText } = button.dataset;
      const link = document.querySelector("link[rel=canonical]");
      copy(target ? document.querySelector(target).textContent : copyText ?? link.href, button);
    }
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    const opens = event.target.closest("[commandfor]");
    if (opens && !("commandForElement" in opens)) document.getElementById(opens.getAttribute("commandfor")).showModal();
  });

  // The zone of this browser, for the switch beside UTC.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const button of all("[data-zone]")) button.value = zone || "UTC";

  // "3 min ago" stays true while a page stays open; the same words as app/dashboard/moments.py.
  function relative(moment) {
    const seconds = (Date.now() - moment) / 1000;
    const far = Math.abs(seconds);
    if (!(far < 60 * 86400)) return null;
    if (far < 60) return "just now";
    const told = far < 3600 ? `${Math.floor(far / 60)} min`
      : far < 2 * 86400 ? `${Math.floor(far / 3600)} h` : `${Math.floor(far / 86400)} days`;
    return seconds > 0 ? `${told} ago` : `in ${told}`;
  }
  setInterval(() => {
    for (const time of all("time[data-relative]")) {
      const text = relative(Date.parse(time.dateTime));
      if (text && text !== time.textContent) time.textContent = text;
    }
  }, 15000);

  // Refreshing: what is marked data-live is taken from the page anew, unless somebody is at it.
  const choice = document.querySelector("[data-refresh]");
  let due = 0;
  const every = () => Number(choice?.value || 0);

  function atWork() {
    const main = document.getElementById("main");
    const selection = getSelection();
    return document.hidden || (main.contains(document.activeElement) && main !== document.activeElement)
      || (!selection.isCollapsed && main.contains(selection.anchorNode))
      || document.querySelector("dialog[open], details.menu[open], main input:checked") !== null;
  }

  async function refresh() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (atWork()) return;
    for (const part of all("[data-live]")) {
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (!other) continue;
      for (const open of all("details[id][open]", part)) other.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
      part.replaceChildren(...document.adoptNode(other).childNodes);
    }
  }

  function setRefresh(seconds) {
    choice.value = String(seconds);
    if (choice.selectedIndex < 0) choice.value = "0";
    due = Date.now() + every() * 1000;
  }

  // What somebody chose is for every page; what a page does of itself is not kept.
  function chooseRefresh(seconds) {
    setRefresh(seconds);
    try { localStorage.setItem("refresh", choice.value); } catch { /* not kept then */ }
  }

  if (choice) {
    let kept = null;
    try { kept = localStorage.getItem("refresh"); } catch { /* nothing kept */ }
    setRefresh(kept ?? choice.dataset.refresh ?? 0);
    choice.addEventListener("change", () => chooseRefresh(choice.value));
    setInterval(async () => {
      if (!every() || Date.now() < due || atWork()) return;
      due = Date.now() + every() * 1000;
      try { await refresh(); } catch { say("This page could not be refreshed"); }
    }, 500);
  }

  // Keys. Controls carry theirs as data-key, ways to other pages as data-go, rows are data-row.
  let going = 0;

  function step(by) {
    const rows = all("[data-row]").filter((row) => row.querySelector("a[href]"));
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
    row?.querySelector("a[href]").focus();
  }

  // A key of the rows' form is for those selected, or for the one that has the focus.
  function chosen() {
    if (document.querySelector("[data-row] input:checked")) return true;
    const box = document.activeElement.closest("[data-row]")?.querySelector("input[type=checkbox]");
    if (box) box.checked = true;
    return Boolean(box);
  }

  for (const box of all("[data-all]")) {
    box.addEventListener("change", () => {
      for (const one of all("[data-row] input[type=checkbox]", box.form)) one.checked = box.checked;
    });
  }

  function press(key) {
    if (Date.now() < going) {
      going = 0;
      document.querySelector(`[data-go="${CSS.escape(key)}"]`)?.click();
      return true;
    }
    if (key === "g") going = Date.now() + 1500;
    else if (key === "j") step(1);
    else if (key === "k") step(-1);
    else if (key === "x") document.activeElement.closest("[data-row]")?.querySelector("input[type=checkbox]")?.click();
    else if (key === "r" && choice) chooseRefresh(every() ? 0 : 15);
    else {
      const control = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
      if (!control || (control.dataset.rows !== undefined && !chosen())) return false;
      if (control.matches("input, select, textarea")) control.focus();
      else control.click();
    }
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of all("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      return;
    }
    if (root.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, select, textarea, [contenteditable]") || document.querySelector("dialog[open]")) return;
    if (event.key.length === 1 && press(event.key)) event.preventDefault();
  });
})();
