/* The plume in time on the emergency desk: a slider over the strip under the map plays it past and predicted, and a
   choice over the map says which gates are shut meanwhile. What lies ahead is marked as predicted, on the map too. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const MAP = "emergency-map", PACE = 900; // park seconds a second of playing
  const it = (twin.plume = { t: null, scenario: null, playing: false, incident: "" });
  let last = 0, held = false;
  const map = () => twin.maps && twin.maps[MAP];
  const words = () => twin.words || {};

  function make(tag, name, more) {
    const el = document.createElement(tag);
    el.className = name;
    return Object.assign(el, more);
  }

  /** The slider lies on the strip; the strip is built anew whenever something is found. */
  function slider() {
    const strip = document.querySelector(".em-strip .strip[data-from]");
    if (!strip) return null;
    let range = strip.querySelector(".pl-range");
    if (!range) {
      range = make("input", "pl-range", { type: "range" });
      range.setAttribute("aria-label", words()["plume.slider"] || "");
      range.addEventListener("pointerdown", () => { held = true; });
      range.addEventListener("change", () => { held = false; });
      range.addEventListener("input", () => { it.playing = false; it.go(Number(range.value)); });
      strip.removeAttribute("role"); // no picture any more: there is something to take hold of
      strip.append(range);
    }
    const [from, to] = [Number(strip.dataset.from), Number(strip.dataset.to)];
    if (range.min !== String(from) || range.max !== String(to)) Object.assign(range, { min: from, max: to, step: 30000 });
    return range;
  }

  function panel() {
    const box = document.querySelector(".em-map");
    if (!box) return null;
    let bar = box.querySelector(".pl-bar");
    if (!bar) {
      bar = make("div", "pl-bar");
      bar.append(make("div", "pl-if"), make("p", "pl-says"), make("b", "pl-long"), make("button", "btn s pl-play", { type: "button" }), make("button", "btn s pl-now", { type: "button" }));
      bar.querySelector(".pl-play").onclick = () => it.play();
      bar.querySelector(".pl-now").onclick = () => it.go(null);
      box.append(bar, make("div", "pl-mark"));
    }
    return bar;
  }

  /** Go to a moment; null follows the park's own clock. */
  it.go = function (ms) {
    it.t = ms;
    if (ms === null) it.playing = false;
    show();
  };
  it.play = function () {
    const range = slider();
    if (!range) return;
    if (!it.playing && (it.t === null || it.t >= Number(range.max) - 30e3)) it.t = Number(range.min);
    it.playing = !it.playing;
    last = performance.now();
    show();
  };
  it.choose = function (id) { it.scenario = it.chosen = id; show(); };

  function choices(bar, drawn) {
    const list = drawn.scenarios, key = JSON.stringify([list, it.scenario]);
    if (bar.dataset.key === key) return;
    bar.dataset.key = key;
    const group = bar.querySelector(".pl-if");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", words()["plume.what"] || "");
    const last = (one) => Number(one.id === "none");
    const sorted = [...list].sort((a, b) => last(a) - last(b) || a.name.localeCompare(b.name));
    group.replaceChildren(...sorted.map((one) => {
      const button = make("button", "btn s", { type: "button", textContent: one.name });
      button.setAttribute("aria-pressed", String(one.id === it.scenario));
      button.onclick = () => it.choose(one.id);
      return button;
    }));
    bar.querySelector(".pl-says").textContent = (list.find((one) => one.id === it.scenario) || {}).says || "";
  }

  const set = (el, name, value) => { if (el[name] !== value) el[name] = value; };
  function show() {
    const m = map(), bar = panel(), range = slider();
    if (!m || !bar) return;
    const drawn = m.drawing, live = !!(drawn && drawn.scenarios && range), w = words(), now = twin.live.now();
    bar.hidden = !live;
    if (live && it.incident !== drawn.incident) Object.assign(it, { incident: drawn.incident, t: null, playing: false, chosen: null });
    // the plan people act on, unless the reader picked one that is still there
    if (live) it.scenario = (drawn.scenarios.find((one) => one.id === it.chosen) || drawn.scenarios[0]).id;
    const t = live ? it.t : null, ahead = t !== null && t > now + 30e3, behind = t !== null && t < now - 30e3;
    if (m.clock !== t || m.scenario !== (live ? it.scenario : null)) m.time(t, live ? it.scenario : null);
    const box = bar.parentElement, mark = box.querySelector(".pl-mark");
    box.classList.toggle("is-ahead", ahead);
    box.classList.toggle("is-behind", behind);
    set(mark, "textContent", ahead ? twin.fill(w["plume.ahead"], { t: twin.hhmm(t) }) : behind ? twin.fill(w["plume.behind"], { t: twin.hhmm(t) }) : "");
    if (!live) return;
    choices(bar, drawn);
    const play = bar.querySelector(".pl-play"), back = bar.querySelector(".pl-now");
    set(play, "textContent", it.playing ? "❚❚ " + w["plume.stop"] : "▶ " + w["plume.play"]);
    set(bar.querySelector(".pl-long"), "textContent", twin.fill(w["plume.long"], { n: twin.number(twin.plumeLength(m) / 1000, 1) }));
    set(back, "textContent", w["plume.now"]);
    set(back, "disabled", t === null);
    if (!held) set(range, "value", String(Math.round((t === null ? now : t) / 30e3) * 30e3));
    range.setAttribute("aria-valuetext", twin.hhmm(t === null ? now : t));
    range.classList.toggle("is-moved", t !== null);
  }

  function tick() {
    if (!document.querySelector(".em-map")) return;
    const now = performance.now();
    if (it.playing && it.t !== null) {
      const end = Number((slider() || {}).max || 0);
      it.t = Math.min(it.t + Math.min(now - last, 1000) * PACE, end);
      if (it.t >= end) it.playing = false;
    }
    last = now;
    show();
  }
  setInterval(() => { if (!it.playing) tick(); }, 500);
  setInterval(() => { if (it.playing) tick(); }, 80);
})();
