/* Time axes that pages lay out in percent (data-from, data-to): the line of now moves along them, and of labels
   that would run into each other the later one is left out. */
(function () {
  "use strict";
  function place(axis, now) {
    const from = Number(axis.dataset.from), to = Number(axis.dataset.to);
    const share = Math.min(Math.max((now - from) / (to - from), 0), 1);
    axis.style.setProperty("--now", (share * 100).toFixed(3) + "%");
  }

  function thin(axis) {
    const taken = [];
    for (const label of axis.querySelectorAll("[data-thin]")) {
      const box = label.getBoundingClientRect();
      if (!box.width) continue;
      const hit = taken.some((t) => box.left < t.right + 6 && box.right + 6 > t.left && box.top < t.bottom && box.bottom > t.top);
      label.classList.toggle("thin", hit);
      if (!hit) taken.push(box);
    }
  }

  function tick() {
    const now = window.twin && window.twin.live ? window.twin.live.now() : 0;
    for (const axis of document.querySelectorAll("[data-from][data-to]")) {
      if (now) place(axis, now);
      thin(axis);
    }
  }
  let due = 0;
  function soon() {
    if (!due) due = requestAnimationFrame(() => { due = 0; tick(); });
  }

  setInterval(tick, 1000);
  new MutationObserver((changes) => {
    for (const change of changes)
      for (const node of change.addedNodes)
        if (node.nodeType === 1 && (node.matches("[data-from]") || node.querySelector("[data-from]"))) { soon(); return; }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
