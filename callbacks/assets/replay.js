/* Replay: a window of the past on whatever page is open. The live feed is held back, frames of the past take its
   way through live.js, and every callback asks for the moment on screen (callbacks/as_of.py). The address tells it:
   ?at=2026-11-22T02:46:10&speed=60; without a speed it stands still. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {}), live = twin.live;
  const HOUR = 3600e3;
  const AHEAD = 60, TICK = 100, SCRUB = 140, AGAIN = 2000;
  const SPEEDS = [1, 5, 10, 60, 150, 600];
  const it = (twin.replay = {
    on: false, from: 0, to: 0, t: 0, speed: 10, playing: false, loads: 0, shown: 0,
  });
  let queue = [], end = 0, turn = 0, loading = false, ticker = 0, last = 0, seeks = 0, scrubbing = 0, told = 0, ticked = 0, idle = 0, fault = "", marksAt = "";
  const root = document.documentElement;
  const words = () => twin.words || {};
  const bar = () => document.getElementById("replay-bar");

  /* ---- moments in the address ---- */
  const text = (ms) => new Date(ms + twin.ahead(ms)).toISOString().slice(0, 19);
  function moment(word) {
    if (!word) return null;
    if (/^\d{12,14}$/.test(word)) return Number(word);
    const plain = word.trim().replace(" ", "T");
    const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(plain);
    const ms = Date.parse(zoned ? plain : plain + (plain.includes("T") ? "Z" : "T00:00Z"));
    if (Number.isNaN(ms)) return null;
    return zoned ? ms : ms - twin.ahead(ms - twin.ahead(ms)); // as the park's clocks showed it
  }
  it.text = text;
  it.moment = moment;

  function write() {
    const address = new URL(location.href);
    for (const name of ["at", "speed", "from", "to"]) address.searchParams.delete(name);
    if (it.on) {
      address.searchParams.set("at", text(it.t));
      if (it.playing) address.searchParams.set("speed", it.speed);
      address.searchParams.set("from", text(it.from));
      address.searchParams.set("to", text(it.to));
    }
    const next = address.toString().replace(/%3A/g, ":");
    if (next !== location.href) history.replaceState(history.state, "", next);
  }

  /* ---- what callbacks are asked: each request carries the moment on screen ---- */
  const fetched = window.fetch.bind(window);
  window.fetch = function (what, options) {
    const url = typeof what === "string" ? what : what.url || String(what);
    if (!it.on || !url.includes("_dash-update-component")) return fetched(what, options);
    const headers = new Headers((options && options.headers) || (what.headers ?? undefined));
    headers.set("X-Park-Moment", String(Math.round(it.t)));
    return fetched(what, { ...options, headers });
  };

  /* ---- frames ---- */
  function split(buffer) {
    const found = [], view = new DataView(buffer);
    for (let at = 0; at + 4 <= buffer.byteLength;) {
      const size = view.getUint32(at, true);
      found.push(live.open(buffer.slice(at + 4, at + 4 + size)));
      at += 4 + size;
    }
    return found;
  }
  const step = () => Math.max(1000, it.speed * 500);

  /** Ask for frames from a moment on; the first is a snapshot, shown only where what is on screen is not its past. */
  async function load(from, to, fresh) {
    const mine = turn;
    loading = true;
    it.loads += 1;
    try {
      const got = await fetched(`/replay/frames?at=${Math.round(from)}&to=${Math.round(to)}&step=${Math.round(step())}`);
      if (!got.ok) throw new Error(String(got.status));
      const found = split(await got.arrayBuffer());
      if (mine !== turn || !it.on) return;
      if (found[0].park !== live.orderOf) { live.order(found[0].park); throw new Error("order"); }
      fault = "";
      end = found[found.length - 1].ts;
      if (end <= from) idle = performance.now() + 1000; // the present is reached: no more for now
      if (fresh) { queue = []; show(found[0]); }
      queue.push(...found.slice(1));
      loading = false;
    } catch (error) {
      if (mine !== turn) return;
      fault = error.message === "order" ? "" : "replay.away";
      if (fault && fresh) live.blank();
      setTimeout(() => { if (mine === turn && it.on) load(from, to, fresh); }, fault ? AGAIN : 150);
    }
    say();
  }

  function show(frame) {
    frame.kpi.revision += " " + seeks; // another moment was chosen: whatever hangs on it is asked for again
    live.play(frame);
    live.run(it.t, it.playing ? it.speed : 0);
    it.shown += 1;
  }

  /** Go to a moment and stand or play on from there. */
  it.seek = function (ms, settled = true) {
    it.t = Math.min(Math.max(ms, it.from), it.to);
    turn += 1;
    queue = [];
    end = it.t;
    if (settled) seeks += 1;
    live.run(it.t, 0);
    load(it.t, settled && it.playing ? it.t + AHEAD * step() : it.t, true);
    paint();
    if (settled) write();
  };

  function tick() {
    const now = performance.now(), gone = Math.min(now - last, 2000);
    last = now;
    if (!it.on) return;
    if (it.playing && !scrubbing) {
      const target = it.t + gone * it.speed, limit = Math.min(it.to, end);
      it.t = Math.min(target, Math.max(limit, it.t));
      while (queue.length && queue[0].ts <= it.t) show(queue.shift());
      live.run(it.t, it.t < target ? 0 : it.speed);
      if (it.t >= it.to) it.pause();
      else if (!loading && now > idle && end < it.to && end - it.t < (AHEAD / 2) * step()) load(end, Math.min(it.to, end + AHEAD * step()), false);
    }
    if (now - ticked > 240) { ticked = now; live.tick(); }
    paint();
    if (it.playing && now - told > 5000) { told = now; write(); }
  }

  it.play = function () {
    if (!it.on) return;
    if (it.t >= it.to - 500) return it.seek(it.from);
    it.playing = true;
    turn += 1;
    queue = [];
    end = it.t;
    load(it.t, it.t + AHEAD * step(), true);
    write();
    paint();
  };
  it.pause = function () {
    it.playing = false;
    live.run(it.t, 0);
    write();
    paint();
  };
  it.faster = function (speed) {
    it.speed = Math.min(Math.max(speed, SPEEDS[0]), SPEEDS[SPEEDS.length - 1]);
    if (it.playing) it.play();
    paint();
  };

  /** Choose the window that the slider runs through. */
  it.window = function (from, to, at) {
    Object.assign(it, { from, to });
    const slider = bar().querySelector("input[type=range]");
    Object.assign(slider, { min: from, max: to, step: 1000 });
    marks();
    it.seek(at ?? from);
  };

  it.enter = function ({ at, from, to, speed } = {}) {
    if (!bar() || !twin.words || !live.orderOf) return; // the page is still coming up
    const now = live.wall ? live.now() : null, known = now || at || Date.now();
    it.on = true;
    live.hold();
    root.classList.add("is-replay");
    build();
    bar().hidden = false;
    document.getElementById("rp-open").setAttribute("aria-pressed", "true");
    if (speed) { it.speed = Math.min(Math.max(speed, 1), 600); it.playing = true; }
    last = performance.now();
    clearInterval(ticker);
    ticker = setInterval(tick, TICK);
    freeze();
    const until = to || (at && (!now || at > now - HOUR) ? Math.max(at + HOUR / 2, at) : at ? at + HOUR / 2 : known);
    it.window(from || (at ? at - HOUR / 2 : known - HOUR), until, at || (from ?? known - HOUR));
    window.dispatchEvent(new Event("resize"));
  };

  it.leave = function () {
    if (!it.on) return;
    it.on = it.playing = false;
    turn += 1;
    queue = [];
    fault = "";
    clearInterval(ticker);
    root.classList.remove("is-replay");
    bar().hidden = true;
    document.getElementById("rp-open").setAttribute("aria-pressed", "false");
    write();
    freeze();
    live.back();
    again();
    window.dispatchEvent(new Event("resize"));
  };

  /* ---- what is on the page besides ---- */

  /** What acts must not act on the past: it stays in sight, says why, and takes no press. */
  function freeze() {
    for (const part of document.querySelectorAll("#em-form, .drill-bar, [data-acts]")) {
      if (part.inert === it.on && !!part.querySelector(":scope > .rp-why") === it.on) continue;
      part.inert = it.on;
      const why = part.querySelector(":scope > .rp-why");
      if (why) why.remove();
      if (!it.on) continue;
      const line = document.createElement("p");
      line.className = "rp-why";
      line.textContent = words()["replay.frozen"];
      part.prepend(line);
    }
  }
  new MutationObserver(() => { if (it.on) freeze(); }).observe(root, { childList: true, subtree: true });

  /** What no change of the records brings anew is asked for again: an open card, an enterprise's screen. */
  function again() {
    if (document.querySelector(".en-grid")) window.dash_clientside.set_props("en-again", { n_intervals: Date.now() });
    for (const [id, map] of Object.entries(twin.maps || {})) {
      if (!map.selected || !map.named || !document.querySelector(".atlas-card:not(:empty)")) continue;
      const cut = map.selected.indexOf("/"), f = map.place(map.selected);
      if (!f) continue;
      const [lon, lat] = map.lonlat(f.x, f.y);
      const data = { kind: map.selected.slice(0, cut), id: map.selected.slice(cut + 1), lon, lat, node: f.p.node, at: Date.now() };
      window.dash_clientside.set_props({ type: "map-pick", map: id }, { data });
    }
  }
  let settled = 0;
  live.on((kind, frame) => {
    if (!it.on || kind !== "snapshot" || settled === seeks) return;
    settled = seeks;
    again();
  });

  /* ---- the bar ---- */
  function build() {
    const box = bar(), w = words();
    if (box.querySelector("input[type=range]")) return;
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", className: "rp-range" });
    slider.setAttribute("aria-label", w["replay.slider"]);
    box.querySelector(".rp-slider").append(slider);
    let due = 0;
    slider.addEventListener("input", () => {
      scrubbing = 1;
      it.t = Number(slider.value);
      live.run(it.t, 0);
      paint();
      if (!due) due = setTimeout(() => { due = 0; if (scrubbing) it.seek(it.t, false); }, SCRUB);
    });
    slider.addEventListener("change", () => { scrubbing = 0; clearTimeout(due); due = 0; it.seek(Number(slider.value)); });
    const choice = document.createElement("select");
    choice.className = "field rp-choice";
    choice.setAttribute("aria-label", w["replay.shown"]);
    choice.addEventListener("change", () => chosen(choice.value));
    const own = document.createElement("span");
    own.className = "rp-own";
    own.hidden = true;
    for (const name of ["from", "to"]) {
      const field = document.createElement("input");
      Object.assign(field, { type: "datetime-local", className: "field", step: 60, name });
      field.setAttribute("aria-label", w["replay." + name]);
      field.addEventListener("change", () => {
        const [a, b] = [...own.querySelectorAll("input")].map((f) => moment(f.value));
        if (a !== null && b !== null && b > a) it.window(a, b, a);
      });
      own.append(field);
    }
    box.querySelector(".rp-window").append(choice, own);
    options([]);
  }

  function options(incidents) {
    const choice = bar().querySelector(".rp-choice"), w = words();
    const make = (value, label) => Object.assign(document.createElement("option"), { value, textContent: label });
    const list = [make("", w["replay.shown"]), make("1", w["replay.hour"])];
    for (const n of [6, 24]) list.push(make(String(n), twin.fill(w["replay.hours"], { n })));
    for (const n of [3, 7]) list.push(make(String(24 * n), twin.fill(w["replay.days"], { n })));
    list.push(make("own", w["replay.own"]));
    const group = Object.assign(document.createElement("optgroup"), { label: w["replay.incidents"] });
    for (const one of incidents) group.append(make(`${one.from} ${one.to}`, `${one.id} ${one[twin.lang] || one.en}`));
    choice.replaceChildren(...list, ...(incidents.length ? [group] : []));
    choice.value = bar().querySelector(".rp-own").hidden ? "" : "own";
  }

  async function chosen(value) {
    const own = bar().querySelector(".rp-own");
    own.hidden = value !== "own";
    if (value === "own") {
      const [a, b] = own.querySelectorAll("input");
      [a.value, b.value] = [text(it.from).slice(0, 16), text(it.to).slice(0, 16)];
      a.focus();
      return;
    }
    if (!value) return;
    const pair = value.split(" ").map(Number);
    if (pair.length === 2) return it.window(pair[0] - HOUR / 4, pair[1] + HOUR / 4, pair[0] - 60e3);
    const now = await parkNow();
    it.window(now - pair[0] * HOUR, now, now - pair[0] * HOUR);
  }

  /** Park time now, which the page does not follow meanwhile. */
  async function parkNow() {
    const got = await fetched("/replay/marks?at=0&to=0").then((r) => r.json()).catch(() => null);
    return got ? got.now : it.to;
  }

  async function marks() {
    const key = `${it.from} ${it.to}`, box = bar().querySelector(".rp-marks");
    marksAt = key;
    box.replaceChildren();
    const got = await fetched(`/replay/marks?at=${Math.round(it.from)}&to=${Math.round(it.to)}`).then((r) => (r.ok ? r.json() : null)).catch(() => null);
    if (!got || marksAt !== key) return;
    it.marks = got;
    const share = (ms) => Math.min(Math.max((ms - it.from) / (it.to - it.from), 0), 1) * 100;
    const put = (name, a, b, title, at) => {
      const mark = document.createElement(at === undefined ? "i" : "button");
      mark.className = name;
      mark.style.left = share(a) + "%";
      if (b !== null) mark.style.width = Math.max(share(b) - share(a), 0.2) + "%";
      if (title) { mark.title = title; mark.setAttribute("aria-label", title); }
      if (at !== undefined) { mark.type = "button"; mark.onclick = () => it.seek(at); }
      return mark;
    };
    const found = [];
    for (const [a, b] of got.holes || []) found.push(put("rp-hole", a, b, null));
    for (const at of got.alarms) found.push(put("rp-alarm", at, null, null));
    for (const one of got.incidents) {
      if (one.from > it.to) continue;
      const mark = put("rp-incident", Math.max(one.from, it.from), Math.min(one.to, it.to), `${one.id} ${one[twin.lang] || one.en} ${twin.hhmm(one.from)}`, one.from);
      found.push(mark);
    }
    box.replaceChildren(...found);
    options(got.incidents);
  }

  function say() {
    const w = words(), line = document.getElementById("rp-say");
    if (!line) return;
    const hole = it.marks && (it.marks.holes || []).some(([a, b]) => a <= it.t && it.t < b);
    const key = fault || (loading && it.playing && it.t >= end - 500 ? "replay.loading" : hole ? "replay.hole" : it.t >= it.to && it.to ? "replay.end" : "");
    const said = key ? w[key] : "";
    if (line.textContent !== said) line.textContent = said;
  }

  const set = (el, name, value) => { if (el[name] !== value) el[name] = value; };
  function paint() {
    const box = bar();
    if (!box) return;
    const w = words(), slider = box.querySelector("input[type=range]");
    if (slider) {
      if (!scrubbing) set(slider, "value", String(Math.round(it.t / 1000) * 1000));
      const share = ((it.t - it.from) / Math.max(it.to - it.from, 1)) * 100;
      slider.style.setProperty("--done", share.toFixed(2) + "%");
      slider.setAttribute("aria-valuetext", text(it.t).replace("T", " "));
    }
    const play = box.querySelector('[data-replay="play"]'), name = it.playing ? "replay.pause" : "replay.play";
    set(play, "textContent", it.playing ? "❚❚" : "▶");
    if (play.title !== w[name]) { play.title = w[name]; play.setAttribute("aria-label", w[name]); }
    for (const button of box.querySelectorAll("[data-replay-speed]")) {
      const on = String(Number(button.dataset.replaySpeed) === it.speed);
      if (button.getAttribute("aria-pressed") !== on) button.setAttribute("aria-pressed", on);
    }
    const now = document.getElementById("rp-speed-now");
    if (now) set(now, "textContent", it.on ? (it.playing ? `${it.speed}×` : "❚❚") : "");
    say();
  }

  const leap = () => Math.max(60e3, Math.round((it.to - it.from) / 240 / 60e3) * 60e3);
  const acts = {
    play: () => (it.playing ? it.pause() : it.play()),
    back: () => it.seek(it.t - leap()),
    on: () => it.seek(it.t + leap()),
    live: () => it.leave(),
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-replay],[data-replay-speed],#rp-open");
    if (!button) return;
    if (button.id === "rp-open") it.on ? it.leave() : it.enter();
    else if (button.dataset.replaySpeed) it.faster(Number(button.dataset.replaySpeed));
    else acts[button.dataset.replay]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || root.dataset.scale === "wall") return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== "range") return;
    const key = event.key.toLowerCase();
    if (key === "r") { it.on ? it.leave() : it.enter(); event.preventDefault(); return; }
    if (!it.on) return;
    const faster = SPEEDS.find((n) => n > it.speed), slower = [...SPEEDS].reverse().find((n) => n < it.speed);
    const act = { ",": acts.back, ".": acts.on, l: acts.live, "<": () => it.faster(slower || 1), ">": () => it.faster(faster || 600) }[key];
    if (act) { act(); event.preventDefault(); }
    else if (key === " " && event.target.tagName !== "BUTTON") { acts.play(); event.preventDefault(); }
  });

  /* ---- a deep link; another page in the same visit keeps the moment ---- */
  const asked = new URL(location.href).searchParams, at = moment(asked.get("at"));
  if (at !== null) {
    it.on = true; // callbacks that run before the bar is there ask for that moment already
    it.t = at;
    live.hold();
    const wait = setInterval(() => {
      if (!bar() || !twin.words || !live.orderOf) return;
      clearInterval(wait);
      it.enter({ at, from: moment(asked.get("from")), to: moment(asked.get("to")), speed: Number(asked.get("speed")) || 0 });
    }, 50);
  }
  addEventListener("twin:route", () => { if (it.on) setTimeout(() => { write(); freeze(); }, 0); });
})();
