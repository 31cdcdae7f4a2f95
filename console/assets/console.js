// What pages do beyond being read: the theme, live parts, and the selection of everything on a page.
"use strict";

const root = document.documentElement;
const toggle = document.querySelector("button.theme");
toggle.hidden = false;
toggle.addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it holds for this page then */ }
});

for (const all of document.querySelectorAll("input[data-all]")) {
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    for (const box of all.form.querySelectorAll("input[name=key]")) box.checked = all.checked;
  });
}

// A part that holds the focus gets it back: whoever goes through a table by keyboard stays where they are.
function fill(part, html) {
  const held = part.contains(document.activeElement) && document.activeElement !== part ? document.activeElement.getAttribute("href") : null;
  part.innerHTML = html; // made and escaped by the same templates as the page
  if (held) part.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

const events = document.body.dataset.events;
if (events) {
  const stale = document.querySelector(".stale");
  let source;
  const listen = () => {
    source = new EventSource(events);
    source.addEventListener("open", () => { stale.hidden = true; });
    source.addEventListener("error", () => { stale.hidden = false; });
    source.addEventListener("part", (event) => {
      const { id, html } = JSON.parse(event.data);
      const part = document.getElementById(id);
      if (part && !part.contains(getSelectionNode())) fill(part, html);
    });
  };
  // What somebody has selected, to copy it, stays as it is.
  const getSelectionNode = () => {
    const selection = getSelection();
    return selection && !selection.isCollapsed ? selection.anchorNode : null;
  };
  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close();
    else listen();
  });
  if (!document.hidden) listen();
}
