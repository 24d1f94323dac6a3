/* The wall turns through its views by itself, stands still while an incident owns it, is as large as the screen is,
   and mends itself: it loads again when no frame has come for long although the server answers, when it has grown
   too large, and once a night at its quiet hour. Never while an incident is open. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const DAY_MS = 86400e3, SILENT_MS = 300e3, ASK_MS = 60e3, EMPTY_MS = 60e3, HEAVY_B = 1e9;
  const WIDE = 1920, HIGH = 1080; // what the style sheet is drawn for
  const born = Date.now();
  let turned = 0, last = Date.now(), asked = 0, fitted = "";

  function turn(tabs, n) {
    tabs.forEach((tab, i) => tab.classList.toggle("on", i === n));
    const map = twin.maps && twin.maps["wall-map"], view = JSON.parse(tabs[n].dataset.view);
    if (!map) return;
    const layers = Object.fromEntries(Object.keys(map.layers).filter((name) => name !== "basemap").map((name) => [name, !view.hide.includes(name)]));
    const moved = JSON.stringify(view.fit) !== JSON.stringify(map.looked || null);
    map.looked = view.fit;
    map.view(moved ? { layers, fit: view.fit || map.bounds } : { layers });
  }

  function tick() {
    const now = Date.now(), gone = now - last;
    last = now;
    const wall = document.getElementById("wl"), bar = document.getElementById("wl-views");
    size(!!wall);
    if (!wall && location.pathname.startsWith("/wall") && !document.querySelector(".empty-page") && now - born > EMPTY_MS) again(now);
    if (!wall || !bar) return;
    if (!twin.live.held) rest(now, wall); // while a past hour is shown, no frame is expected
    const tabs = [...bar.children], turn_ms = Number(wall.dataset.turnS) * 1000;
    let on = tabs.findIndex((tab) => tab.classList.contains("on"));
    if (wall.classList.contains("is-taken")) {
      if (on !== 0) turn(tabs, 0);
      turned = 0;
      return;
    }
    turned += Math.min(gone, 2000);
    if (turned >= turn_ms) {
      turned = 0;
      tabs[on].style.removeProperty("--turned");
      on = (on + 1) % tabs.length;
      turn(tabs, on);
    }
    tabs[on].style.setProperty("--turned", ((turned / turn_ms) * 100).toFixed(1) + "%");
  }

  /** Called when an incident takes the wall over, and when it hands it back. */
  twin.wallWhose = (whose) => {
    const wall = document.getElementById("wl");
    if (wall && whose) wall.classList.toggle("is-taken", whose === "incident");
    return whose;
  };

  /** Why the page should be loaded again now, or an empty word. All times in ms; `hour` is the wall's own clock's. */
  twin.wallTired = ({ now, born, heard, hour, quiet, open, heap }) => {
    if (now - heard > SILENT_MS) return "silent"; // what is shown is grey already; an incident is not seen either
    if (open) return "";
    if (heap > HEAVY_B) return "heavy";
    return now - born > DAY_MS / 2 && hour === quiet ? "night" : "";
  };

  /** Load again if there is a reason, and only if the server is there to load from. */
  function rest(now, wall) {
    const { live } = twin, memory = performance.memory;
    const why = twin.wallTired({
      now, born, heard: Math.max(live.lastFrame, born), hour: new Date(now).getHours(), quiet: Number(wall.dataset.quietHour),
      open: live.incidents.length > 0 || wall.classList.contains("is-taken"), heap: memory ? memory.usedJSHeapSize : 0,
    });
    if (why) again(now);
  }

  function again(now) {
    if (now - asked < ASK_MS) return;
    asked = now;
    fetch("/healthz", { cache: "no-store" }).then((r) => { if (r.ok) location.reload(); }).catch(() => {});
  }

  /** A screen of more pixels shows the same wall larger, not a wall of smaller letters. */
  function size(on) {
    const scale = on ? Math.min(innerWidth / WIDE, innerHeight / HIGH) : 1, key = scale.toFixed(3);
    if (key === fitted) return;
    fitted = key;
    const { style } = document.documentElement, zoom = Math.abs(scale - 1) < 0.02 ? "" : key;
    style.zoom = zoom;
    style.setProperty("--zoom", zoom || "1");
  }

  setInterval(tick, 1000);
  addEventListener("resize", () => size(!!document.getElementById("wl")));
})();
