"use strict";

// The page is fetched again from its own address: the agent renders everything, and the page is
// complete without this script.
(() => {
  const live = document.getElementById("live");
  const away = document.getElementById("away");
  const hold = document.getElementById("hold");
  const every = 2000;
  let timer = 0;
  const held = () => hold.getAttribute("aria-pressed") === "true";
  const selecting = () => !getSelection().isCollapsed;
  const refresh = async () => {
    try {
      const answer = await fetch(location.href, { signal: AbortSignal.timeout(5000) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("live");
      if (!fresh) throw new Error("not this page");
      if (!selecting() && fresh.innerHTML !== live.innerHTML) {
        live.innerHTML = fresh.innerHTML;
        document.title = page.title;
      }
      away.hidden = true;
    } catch {
      away.hidden = false;
    }
    schedule();
  };
  // Nobody looks at a hidden page, so nothing is fetched for it.
  const schedule = () => {
    clearTimeout(timer);
    if (!document.hidden && !held()) timer = setTimeout(refresh, every);
  };
  hold.hidden = false;
  hold.addEventListener("click", () => {
    hold.setAttribute("aria-pressed", String(!held()));
    if (held()) schedule(); else refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || held()) schedule(); else refresh();
  });
  schedule();
})();
