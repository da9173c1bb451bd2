// Looks at the page again every second and takes over what has changed. What has not changed stays as it is: open
// details, focus and selected text. The server has escaped everything; this script makes no markup of its own.
"use strict";

const PERIOD = 1000;
const PATIENCE = 5000;
const live = document.getElementById("live");
const button = document.getElementById("pause");
const texts = new WeakMap(); // a row, and its markup as it came
let paused = false;

function markup(element) {
  return texts.get(element) ?? element.outerHTML;
}

function openAsBefore(fresh) {
  for (const details of fresh.querySelectorAll("details[id]")) {
    details.open = document.getElementById(details.id)?.open ?? false;
  }
}

function place(fresh) {
  texts.set(fresh, fresh.outerHTML);
  openAsBefore(fresh);
  fresh.classList.add("new");
  return fresh;
}

function updateRows(list, freshList) {
  const known = new Map([...list.children].map((row) => [row.id, row]));
  let next = list.firstElementChild;
  for (const fresh of [...freshList.children]) {
    const row = known.get(fresh.id);
    known.delete(fresh.id);
    if (row === undefined || markup(row) !== fresh.outerHTML) {
      list.insertBefore(place(fresh), next);
      if (row === next) next = next?.nextElementSibling ?? null;
      row?.remove();
    } else if (row === next) {
      next = next.nextElementSibling;
    } else {
      list.insertBefore(row, next);
    }
  }
  for (const gone of known.values()) gone.remove();
}

function update(fresh) {
  const focused = document.activeElement?.closest("[id]")?.id;
  for (const list of document.querySelectorAll("[data-rows]")) {
    updateRows(list, fresh.getElementById(list.id));
  }
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!part.isEqualNode(other)) part.replaceWith(other);
  }
  const again = focused && document.getElementById(focused);
  if (again && !again.contains(document.activeElement)) (again.querySelector("summary") ?? again).focus();
}

function say(text) {
  if (live.textContent !== text) live.textContent = text; // a screen reader reads each change
}

async function look() {
  const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

async function follow() {
  let last = "";
  for (;;) {
    if (!paused && !document.hidden) {
      try {
        const text = await look();
        if (text !== last && !paused) update(new DOMParser().parseFromString(text, "text/html"));
        last = text;
        if (!paused) say("Live");
      } catch {
        say("The sandbox does not answer. Trying again …");
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PERIOD));
  }
}

for (const row of document.querySelectorAll("[data-rows] > *")) texts.set(row, row.outerHTML);
button.hidden = false;
button.addEventListener("click", () => {
  paused = !paused;
  button.setAttribute("aria-pressed", String(paused));
  say(paused ? "Paused" : "Live");
});
follow();
