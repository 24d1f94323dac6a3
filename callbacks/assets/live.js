/* The live feed: one WebSocket, endless jittered back-off, and what it says written straight into the page.
   Nothing here goes through Dash but the rare revision of the records. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const LEVELS = ["offline", "normal", "watch", "warning", "alarm", "critical"];
  const STALE_MS = 8000; // no frame for so long: what is on screen is old, and is shown as such
  const CAP_MS = 10000;
  const SIGN_IN = 4401; // the server's word for a session that has ended
  const COLUMNS = { u1: Uint8Array, u4: Uint32Array, f8: Float64Array };

  const live = (twin.live = {
    seq: -1, kpi: null, gates: {}, incidents: [], stations: [], factors: [], first: new Uint32Array(1), factorOf: new Uint16Array(0),
    values: [], levels: [], at: [], stationLevels: [], points: 0,
    connected: false, stale: true, offset: 0, speed: 1, anchor: 0, wall: 0,
    stationIndex: new Map(), lastFrame: 0, since: Date.now(), frames: 0, applyMs: 0, held: false,
  });
  const listeners = new Set();
  let socket = null, tries = 0, timer = 0, build = null, revision = null, ordered = null, heard = 0;

  /** Call fn(kind, message) on every frame ("snapshot", "delta"), change of the link ("link") and when the park
      has another version ("park", {before, now}). */
  live.on = (fn) => { listeners.add(fn); return () => listeners.delete(fn); };
  /** Park time now, ms. Runs on between frames; stands still once the link is stale. */
  live.now = () => {
    if (!live.wall) return 0;
    const gone = Math.min(performance.now() - live.anchor, STALE_MS);
    return live.ts + gone * live.speed;
  };
  /** Level name of a station; offline for all while the feed is stale. */
  live.level = (station) => {
    const n = live.stationIndex.get(station);
    return live.stale || n === undefined ? "offline" : LEVELS[live.stationLevels[n]] || "offline";
  };
  /** Value, level and moment of a point, by "station/factor"; the value is null where there is none. */
  live.point = (key) => {
    const cut = key.lastIndexOf("/"), station = live.stationIndex.get(key.slice(0, cut)), code = live.factors.indexOf(key.slice(cut + 1));
    if (station === undefined || code < 0) return null;
    for (let n = live.first[station]; n < live.first[station + 1]; n += 1) {
      if (live.factorOf[n] !== code) continue;
      return { value: Number.isNaN(live.values[n]) ? null : live.values[n], level: live.stale ? "offline" : LEVELS[live.levels[n]], at: live.at[n] };
    }
    return null;
  };
  /** State of a gate: [position or null, word]. */
  live.gate = (id) => (live.stale ? [null, "unknown"] : live.gates[id] || [null, "unknown"]);
  live.LEVELS = LEVELS;

  /** Hold the feed back: what is shown from now on comes through `play`, until `back`. */
  live.hold = () => { live.held = true; live.stale = true; live.speed = 0; };
  /** Show a frame of another time, by the same way a frame of the feed takes. */
  live.play = (frame) => {
    live.seq = frame.seq - 1;
    apply(frame);
  };
  /** Let the clock of what is shown run from a moment (park ms) at a speed, until the next call. */
  live.run = (ts, speed) => { Object.assign(live, { ts, speed, anchor: performance.now() }); };
  /** Nothing is known of the moment on screen. */
  live.blank = () => { live.stale = true; tell("link", "stale"); paintAll(); };
  /** Show the feed again; a snapshot comes at once, and until then nothing is known. */
  live.back = () => {
    Object.assign(live, { held: false, seq: -1, stale: true, ts: 0, wall: 0, kpi: null, since: Date.now(), lastFrame: 0 });
    tell("link", "stale");
    paintAll();
    if (socket && socket.readyState === WebSocket.OPEN) socket.send("snap");
  };
  /** Milliseconds since the server was last heard. */
  live.silence = () => Date.now() - (heard || live.since);
  live.open = open;
  live.order = (version) => order(version);
  live.tick = () => tickAll();

  function tell(kind, message) { for (const fn of listeners) fn(kind, message); }

  function connect() {
    clearTimeout(timer);
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    socket = new WebSocket(scheme + location.host + "/live");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { live.connected = true; };
    socket.onmessage = (event) => { tries = 0; heard = Date.now(); receive(open(event.data)); };
    socket.onclose = (event) => {
      live.connected = false;
      if (event.code === SIGN_IN) twin.say("signin");
      again();
    };
  }

  function again() {
    const wait = Math.min(CAP_MS, 500 * 2 ** Math.min(tries, 10)) * (0.6 + 0.8 * Math.random());
    tries += 1;
    timer = setTimeout(connect, wait);
  }

  /** Read a frame: its head, and its columns in place (callbacks/frames.py tells the form). */
  function open(buffer) {
    const size = new DataView(buffer).getUint32(0, true);
    const frame = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    let at = 4 + size;
    for (const [name, kind, n] of frame.cols) {
      frame[name] = new COLUMNS[kind](buffer, at, n);
      at += Math.ceil(frame[name].byteLength / 8) * 8;
    }
    return frame;
  }

  /** Fetch the order of the columns of a version of the park, once, then ask for a snapshot again. */
  function order(version) {
    if (ordered === version) return;
    ordered = version;
    fetch("/geo/points.json?v=" + encodeURIComponent(version)).then((r) => {
      if (!r.ok) throw new Error("points: " + r.status);
      return r.json();
    }).then((got) => {
      const first = new Uint32Array(got.many.length + 1);
      got.many.forEach((n, k) => { first[k + 1] = first[k] + n; });
      live.orderOf = ordered = got.version;
      Object.assign(live, { stations: got.stations, factors: got.factors, first, factorOf: Uint16Array.from(got.factor), points: got.factor.length });
      live.stationIndex = new Map(got.stations.map((s, n) => [s, n]));
      if (socket && socket.readyState === WebSocket.OPEN) socket.send("snap");
    }).catch(() => { ordered = null; });
  }

  function receive(frame) {
    if (frame.t === "snap") {
      if (build && frame.build !== build) { location.reload(); return; }
      build = frame.build;
    }
    if (!live.held) apply(frame);
    else if (frame.t === "snap" && live.orderOf !== frame.park) order(frame.park); // its columns are needed all the same
  }

  function apply(frame) {
    const begun = performance.now();
    if (frame.t === "snap") {
      if (live.orderOf !== frame.park) { Object.assign(live, { seq: -1, lastFrame: Date.now() }); order(frame.park); return; }
      const before = live.park;
      live.park = frame.park;
      Object.assign(live, {
        values: frame.v, levels: frame.l, at: frame.at, stationLevels: frame.sl,
      });
      if (before && before !== frame.park) tell("park", { before, now: frame.park });
    } else {
      if (live.seq < 0) return;
      if (frame.seq > live.seq + 1) { socket.send("snap"); return; }
      if (frame.seq <= live.seq) return;
      const { i, v, l, at, si, sl } = frame;
      for (let k = 0; k < i.length; k += 1) { live.values[i[k]] = v[k]; live.levels[i[k]] = l[k]; live.at[i[k]] = at[k]; }
      for (let k = 0; k < si.length; k += 1) live.stationLevels[si[k]] = sl[k];
    }
    Object.assign(live, {
      seq: frame.seq, kpi: frame.kpi, gates: frame.gates, incidents: frame.incidents, ts: frame.ts,
      wall: frame.wall, speed: frame.kpi.drill ? frame.kpi.speed : 1, anchor: performance.now(),
      lastFrame: Date.now(),
    });
    live.frames += 1;
    if (live.stale && frame.kpi.stream) { live.stale = false; tell("link", "up"); paintAll(); }
    if (!live.stale && !frame.kpi.stream) { stale(); }
    document.documentElement.classList.toggle("is-sim", !!frame.kpi.drill);
    tell(frame.t === "snap" ? "snapshot" : "delta", frame);
    if (frame.t === "snap") paintAll(); else paintChanged(frame);
    revise(frame);
    live.applyMs = performance.now() - begun;
  }

  function revise(frame) {
    if (frame.kpi.revision === revision || !window.dash_clientside || !document.getElementById("shell")) return;
    revision = frame.kpi.revision;
    window.dash_clientside.set_props("revision", { data: { revision, incidents: frame.incidents } });
  }

  function stale() {
    live.stale = true;
    live.since = live.lastFrame || live.since;
    tell("link", "stale");
    paintAll();
  }

  /* ---- writing into the page ---- */
  const words = () => twin.words || {};
  const fill = (text, values) => (text || "").replace(/\{(\w+)\}/g, (_, k) => values[k]);
  twin.fill = fill;

  function span(ms) {
    const w = words(), s = Math.max(0, Math.floor(ms / 1000));
    const d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
    const say = (key, n) => fill(w[key], { n });
    const both = (one, other) => [one, other].map((said) => said.trim()).filter(Boolean).join(" ");
    if (d) return both(say("d", d), h ? say("h", h) : "");
    if (h) return both(say("h", h), m ? say("min", m) : "");
    if (m) return both(say("min", m), m < 10 && s % 60 ? say("s", s % 60) : "");
    return say("s", s);
  }
  twin.span = span;

  function number(value, decimals) {
    if (value === null || value === undefined || Number.isNaN(value)) return "—";
    const fixed = decimals === undefined || decimals === "" ? String(value) : Number(value).toFixed(decimals);
    const [whole, part] = fixed.split(".");
    const w = words(), spaced = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+(?!\d))/g, w.thousands || "\u2009") : whole;
    return (part ? spaced + (w.decimal || ".") + part : spaced).replace("-", "\u2212");
  }
  twin.number = number;

  const set = (el, text) => { if (el.textContent !== text) el.textContent = text; };
  const mark = (el, name, value) => { if (el.getAttribute(name) !== value) el.setAttribute(name, value); };

  function paintKpi(el) {
    let value = { kpi: live.kpi || {}, live };
    for (const part of el.dataset.live.split(".")) value = value === undefined || value === null ? value : value[part];
    mark(el, "data-value", String(value ?? ""));
    set(el, number(value, el.dataset.decimals) + (value === undefined || value === null ? "" : el.dataset.unit || ""));
  }
  function paintPoint(el) {
    const p = live.point(el.dataset.livePoint);
    set(el, number(p && p.value, el.dataset.decimals));
    mark(el, "data-lv", p ? p.level : "offline");
  }
  function paintLevel(el) { const p = live.point(el.dataset.liveLevel); mark(el, "data-lv", p ? p.level : "offline"); }
  function paintStation(el) { mark(el, "data-lv", live.level(el.dataset.liveStation)); }
  function paintGate(el) {
    const [position, word] = live.gate(el.dataset.liveGate);
    mark(el, "data-gate", word);
    mark(el, "data-pct", position === null ? "" : String(Math.round(position * 100)));
  }
  const PAINTERS = { live: paintKpi, "live-point": paintPoint, "live-level": paintLevel, "live-station": paintStation, "live-gate": paintGate };

  function paintAll(root) {
    for (const [name, paint] of Object.entries(PAINTERS))
      for (const el of (root || document).querySelectorAll(`[data-${name}]`)) paint(el);
    tickAll(root);
  }
  function paintChanged(frame) {
    for (const el of document.querySelectorAll("[data-live]")) paintKpi(el);
    for (const el of document.querySelectorAll("[data-live-gate]")) paintGate(el);
    if (frame.si.length) for (const el of document.querySelectorAll("[data-live-station]")) paintStation(el);
    if (!frame.i.length) return;
    for (const el of document.querySelectorAll("[data-live-point]")) paintPoint(el);
    for (const el of document.querySelectorAll("[data-live-level]")) paintLevel(el);
  }

  /* ---- clocks; the park lives in its own zone ---- */
  const CHINA = 8 * 3600e3, QUARTER = 900e3, offsets = new Map();
  let format = null;
  /** How far the park's clocks are ahead of UTC at a moment, ms. */
  twin.ahead = function (ms) {
    const zone = words().zone, quarter = Math.floor(ms / QUARTER) * QUARTER;
    if (!zone || zone === "Asia/Shanghai") return CHINA;
    if (!offsets.has(quarter)) {
      format = format || new Intl.DateTimeFormat("en-GB", {
        timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
      });
      const t = Object.fromEntries(format.formatToParts(quarter).map((p) => [p.type, Number(p.value)]));
      if (offsets.size > 999) offsets.clear();
      offsets.set(quarter, Date.UTC(t.year, t.month - 1, t.day, t.hour, t.minute) - quarter);
    }
    return offsets.get(quarter);
  };
  /** "UTC+8", "UTC+5:30": what the park's clocks are at a moment. */
  twin.utc = function (ms) {
    const minutes = Math.round(twin.ahead(ms) / 60e3), m = Math.abs(minutes);
    return `UTC${minutes < 0 ? "\u2212" : "+"}${Math.floor(m / 60)}${m % 60 ? ":" + two(m % 60) : ""}`;
  };
  const park = (ms) => new Date(ms + twin.ahead(ms));
  const two = (n) => String(n).padStart(2, "0");
  function clockText(kind, ms) {
    const w = words(), t = park(ms);
    const time = `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}:${two(t.getUTCSeconds())}`;
    if (kind === "time") return time;
    const m = t.getUTCMonth();
    const date = fill(w.date, {
      m: m + 1, d: t.getUTCDate(), mon: (w.months || "").split(" ")[m], w: (w.weekdays || "").split(" ")[t.getUTCDay()],
    });
    return kind === "date" ? date : date + " " + time;
  }
  /** "2026-11-22 14:26:08" of a moment, in the park's own time. */
  twin.stamp = (ms) => park(ms).toISOString().slice(0, 19).replace("T", " ");
  /** "14:26" of a moment, in the park's own time. */
  twin.hhmm = (ms) => clockText("time", ms).slice(0, 5);

  function countdown(el, now) {
    const left = Number(el.dataset.countdown) - now, s = Math.max(0, Math.floor(left / 1000));
    el.classList.toggle("is-soon", left > 0 && left < 300e3);
    el.classList.toggle("is-over", left <= 0);
    set(el, left <= 0 ? words().over : `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`);
  }

  function tickAll(root) {
    const now = live.now(), at = root || document;
    if (now) {
      for (const el of at.querySelectorAll("[data-clock]")) set(el, clockText(el.dataset.clock, now));
      for (const el of at.querySelectorAll("[data-countdown]")) if (el.dataset.countdown) countdown(el, now);
      for (const el of at.querySelectorAll("[data-since]")) if (el.dataset.since) set(el, span(now - Number(el.dataset.since)));
    }
    age();
  }

  function age() {
    const el = document.getElementById("age"), banner = document.getElementById("link-banner");
    if (!el || !banner || !twin.words) return;
    const w = words(), gone = Date.now() - (live.lastFrame || live.since);
    if (live.held) {
      mark(el.querySelector(".lv"), "data-lv", "offline");
      el.toggleAttribute("data-stale", true);
      set(el.querySelector(".age-text"), w["replay.age"]);
      set(banner, live.silence() > STALE_MS ? fill(w.down, { n: span(live.silence()) }) : "");
      return;
    }
    // while a computer sleeps one of its clocks stands still, and the other may be set: the longer of the two counts
    const shown = Math.max(performance.now() - live.anchor, Date.now() - live.lastFrame);
    const data = live.kpi && live.kpi.data_ms ? live.wall - live.kpi.data_ms + shown : null;
    const fresh = !live.stale && data !== null && data < 150e3;
    mark(el.querySelector(".lv"), "data-lv", fresh ? "normal" : "offline");
    el.toggleAttribute("data-stale", !fresh);
    set(el.querySelector(".age-text"), data === null ? "—" : fill(w.age, { n: span(data) }));
    let say = "";
    if (!live.wall) say = gone > 5000 ? fill(w.waiting, { n: span(gone) }) : "";
    else if (live.stale) say = fill(live.connected && live.kpi && !live.kpi.stream ? w.stream : w.down, { n: span(data === null ? gone : data) });
    set(banner, say);
  }

  setInterval(() => {
    if (!live.held && !live.stale && Date.now() - live.lastFrame > STALE_MS) stale();
    // a socket that is open and silent is as good as closed; what it says of its end may never come
    if (socket && live.connected && Date.now() - Math.max(heard, live.since) > 30000) {
      live.since = Date.now();
      socket.onmessage = socket.onclose = null;
      socket.close();
      live.connected = false;
      again();
    }
    tickAll();
  }, 1000);

  twin.paint = paintAll;
  new MutationObserver((changes) => {
    for (const change of changes)
      for (const node of change.addedNodes) if (node.nodeType === 1) paintAll(node.parentNode || node);
  }).observe(document.documentElement, { childList: true, subtree: true });

  connect();
})();
