"use strict";

// What changes is fetched again from the page's own address, so that the server renders everything
// and the page is complete without this script.
(() => {
  const live = document.getElementById("live");
  if (!live) return;
  let busy = false;
  let again = false;
  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (answer.redirected) { location.reload(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("live");
      if (fresh && fresh.innerHTML !== live.innerHTML) {
        const chosen = (root) => root.querySelector("[aria-current=true]")?.getAttribute("href");
        if (chosen(fresh) !== chosen(live)) { location.reload(); return; }
        const focused = document.activeElement?.getAttribute?.("href");
        live.innerHTML = fresh.innerHTML;
        if (focused) live.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
      }
    } catch { /* The server is away; the next event brings the page up to date. */ }
    busy = false;
    if (again) { again = false; refresh(); }
  };
  const events = new EventSource(live.dataset.live);
  let opened = false;
  events.addEventListener("open", () => { if (opened) refresh(); opened = true; });
  events.addEventListener("changed", refresh);
})();

// The log of a running job. The server sends finished lines once, and the unfinished one anew.
(() => {
  const log = document.getElementById("log");
  if (!log?.dataset.events) return;
  const mostKept = 4 << 20;
  const lines = document.getElementById("lines");
  const unfinished = document.getElementById("unfinished");
  const status = document.getElementById("log-status");
  const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const toEnd = () => { log.scrollTop = log.scrollHeight; };
  const blocks = [];
  let kept = 0;
  const add = (html) => {
    if (!html) return;
    const block = document.createElement("span");
    block.innerHTML = html;
    lines.append(block);
    blocks.push([block, html.length]);
    kept += html.length;
    while (kept > mostKept && blocks.length > 1) {
      const [oldest, size] = blocks.shift();
      oldest.remove();
      kept -= size;
    }
  };
  toEnd();
  const events = new EventSource(log.dataset.events);
  events.addEventListener("open", () => { status.textContent = "live"; });
  events.addEventListener("error", () => { status.textContent = "connecting …"; });
  events.addEventListener("lines", (event) => {
    const follow = atEnd();
    const data = JSON.parse(event.data);
    add(data.lines);
    unfinished.innerHTML = data.unfinished;
    document.getElementById("log-empty")?.remove();
    if (follow) toEnd();
  });
  events.addEventListener("end", (event) => {
    events.close();
    status.textContent = JSON.parse(event.data).state;
  });
})();
