/* The wall turns through its views by itself, stands still while an incident owns it, and loads itself again once
   a night at a quiet hour if the server answers. */
(function () {
  "use strict";
  const TURN_MS = 30000, QUIET_HOUR = 4, DAY_MS = 86400e3;
  const LEAVES = { all: {}, canal: { pipe: false, rack: false, outlet: false, plot: false }, pipe: { rain: false, flow: false } };
  const EVERY = { pipe: true, rack: true, outlet: true, plot: true, rain: true, flow: true };
  const born = Date.now();
  let turned = 0, last = Date.now(), asked = 0;

  function turn(tabs, n) {
    tabs.forEach((tab, i) => tab.classList.toggle("on", i === n));
    const map = window.twin && window.twin.maps && window.twin.maps["wall-map"];
    if (map) map.view({ layers: Object.assign({}, EVERY, LEAVES[tabs[n].dataset.view]) });
  }

  function tick() {
    const now = Date.now(), gone = now - last;
    last = now;
    const wall = document.getElementById("wl"), bar = document.getElementById("wl-views");
    if (!wall || !bar) return;
    const tabs = [...bar.children];
    let on = tabs.findIndex((tab) => tab.classList.contains("on"));
    if (wall.classList.contains("is-taken")) {
      if (on !== 0) turn(tabs, 0);
      turned = 0;
      return;
    }
    turned += Math.min(gone, 2000);
    if (turned >= TURN_MS) {
      turned = 0;
      tabs[on].style.removeProperty("--turned");
      on = (on + 1) % tabs.length;
      turn(tabs, on);
    }
    tabs[on].style.setProperty("--turned", ((turned / TURN_MS) * 100).toFixed(1) + "%");
    rest(now);
  }

  /** Start afresh once a day, in the quiet hour, and only if the server is there to start from. */
  function rest(now) {
    if (now - born < DAY_MS / 2 || new Date(now).getHours() !== QUIET_HOUR || now - asked < 600e3) return;
    asked = now;
    fetch("/healthz").then((r) => { if (r.ok) location.reload(); }).catch(() => {});
  }

  setInterval(tick, 1000);
})();
