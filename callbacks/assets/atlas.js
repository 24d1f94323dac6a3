/* The atlas: search among what the map already knows, layer switches, leading from lists to places. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const MAP = "atlas-map", MOST = 12;
  const map = () => twin.maps[MAP];
  let list = [], chosen = -1;

  const ORDER = { enterprise: 0, gate: 1, station: 2, outlet: 3, receptor: 4, facility: 5, pool: 6 };

  /** Places whose name, code or MN holds every word; names that begin with it first. */
  twin.search = function (places, text) {
    const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const found = [];
    for (const f of places) {
      const p = f.p, all = [p.id, p.zh, p.en, p.short_zh, p.short_en, p.code, p.mn].filter(Boolean).map((s) => s.toLowerCase());
      const whole = all.join(" ");
      if (p.kind === "crossing" || !words.every((w) => whole.includes(w))) continue;
      const start = all.some((s) => s === words[0]) ? 0 : all.some((s) => s.startsWith(words[0])) ? 1 : 2;
      found.push([start, ORDER[p.layer] ?? 9, p.id, f]);
    }
    found.sort((a, b) => a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : 1));
    return found.slice(0, MOST).map((it) => it[3]);
  };

  /** Show a place: fly there, mark it, open its card. */
  twin.goto = function (key, id = MAP, fly = true) {
    const m = twin.maps[id], f = m && m.named && m.place(key);
    if (!f) return false;
    const [lon, lat] = m.lonlat(f.x, f.y), [kind, name] = [key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)];
    const near = fly ? { center: [lon, lat], zoom: Math.max(m.map.getZoom(), 15) } : {};
    m.view({ select: { kind, id: name }, ...near });
    window.dash_clientside.set_props({ type: "map-pick", map: id }, { data: { kind, id: name, lon, lat, node: f.p.node, at: Date.now() } });
    return true;
  };

  function show(box, input) {
    const text = input.value;
    list = map() && text.trim() ? twin.search(map().data.places, text) : [];
    chosen = list.length ? 0 : -1;
    box.hidden = !text.trim();
    box.replaceChildren(...list.map((f, n) => {
      const row = document.createElement("li");
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(n === chosen));
      row.dataset.goto = f.p.layer + "/" + f.p.id;
      const mark = document.createElement("i"), name = document.createElement("span"), code = document.createElement("em");
      if (f.p.layer === "station") { mark.className = "lv"; mark.dataset.lv = twin.live.level(f.p.id); mark.dataset.liveStation = f.p.id; }
      name.textContent = twin.say(f);
      code.textContent = f.p.layer === "station" && f.p.mn.toLowerCase().includes(text.trim().toLowerCase()) ? f.p.mn : f.p.id;
      row.append(mark, name, code);
      return row;
    }));
    if (!list.length && text.trim()) {
      const row = document.createElement("li");
      row.className = "none";
      row.textContent = box.parentElement.dataset.none;
      box.replaceChildren(row);
    }
  }

  /** Put the field into a search box that has none yet. */
  function mount() {
    for (const box of document.querySelectorAll(".atlas-search .atlas-field:empty")) {
      const input = document.createElement("input");
      input.type = "search";
      input.className = "field";
      input.autocomplete = "off";
      input.placeholder = box.parentElement.dataset.hint;
      input.setAttribute("aria-label", box.parentElement.dataset.hint);
      box.append(input);
    }
  }
  new MutationObserver(mount).observe(document.documentElement, { childList: true, subtree: true });

  const parts = (target) => {
    const input = target.closest && target.closest(".atlas-search input");
    return input ? [input.closest(".atlas-search").querySelector(".atlas-found"), input] : null;
  };

  document.addEventListener("input", (event) => {
    const at = parts(event.target);
    if (at) show(...at);
  });
  document.addEventListener("keydown", (event) => {
    const at = parts(event.target);
    if (at) {
      const [box, input] = at;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        chosen = Math.max(0, Math.min(list.length - 1, chosen + (event.key === "ArrowDown" ? 1 : -1)));
        [...box.children].forEach((row, n) => row.setAttribute("aria-selected", String(n === chosen)));
      } else if (event.key === "Enter" && list[chosen]) {
        event.preventDefault();
        box.hidden = true;
        input.blur();
        twin.goto(list[chosen].p.layer + "/" + list[chosen].p.id);
      } else if (event.key === "Escape") { box.hidden = true; input.blur(); }
    } else if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) {
      const input = document.querySelector(".atlas-search input");
      if (input) { event.preventDefault(); input.focus(); input.select(); }
    } else if (event.key === "Escape" && map() && document.querySelector(".atlas-query:not(:empty)")) clear();
    else if (event.key === "Escape" && map() && document.querySelector(".atlas-card:not(:empty)")) close();
  });

  const set = (id, data) => window.dash_clientside.set_props(id, { data });

  /** Close the card; an answer that lies on the map stays there. */
  function close() {
    map().select(null);
    set({ type: "map-pick", map: MAP }, null);
    if (!document.querySelector(".atlas-query:not(:empty)")) clear();
  }

  /** Take what is drawn and what was asked off the map. */
  function clear() {
    map().draw(null);
    set({ type: "map-draw", map: MAP }, null);
    set("atlas-ask", null);
  }

  document.addEventListener("click", (event) => {
    const it = event.target.closest("[data-map-layer],[data-goto],[data-card-close],[data-follow-clear]");
    for (const box of document.querySelectorAll(".atlas-found")) if (!event.target.closest(".atlas-search") || it) box.hidden = true;
    if (!it) return;
    if (it.dataset.mapLayer) {
      const m = twin.maps[it.dataset.map], on = it.getAttribute("aria-pressed") !== "true";
      it.setAttribute("aria-pressed", String(on));
      if (m) m.switch({ [it.dataset.mapLayer]: on });
    } else if (it.dataset.goto) twin.goto(it.dataset.goto);
    else if (it.hasAttribute("data-card-close")) close();
    else clear();
  });

  /** Keep in the page's address what is looked at, so that it can be sent to somebody. */
  function address(name, value) {
    const at = new URL(location.href);
    if (!document.getElementById("atlas") || at.pathname.startsWith("/emergency")) return;
    value ? at.searchParams.set(name, value) : at.searchParams.delete(name);
    if (at.href !== location.href) history.replaceState(history.state, "", at.pathname + decodeURIComponent(at.search));
  }

  function follow(m) {
    let due = 0;
    m.map.on("moveend", () => {
      clearTimeout(due);
      due = setTimeout(() => {
        if (m.closed) return;
        const { lat, lng } = m.map.getCenter(), [lon, north] = m.back(lng, lat);
        address("view", [lon.toFixed(5), north.toFixed(5), m.map.getZoom().toFixed(2)].join(","));
      }, 400);
    });
    m.on("select", (key) => address("obj", key && !key.startsWith("link/") ? key : ""));
  }

  // a deep link: ?obj=station/S33, and ?view=120.13,33.05,14.5 (longitude, latitude, zoom)
  twin.onMapReady = (m) => {
    const page = document.getElementById("atlas");
    if (m.id !== MAP || !page) return;
    const view = (page.dataset.view || "").split(",").map(Number), known = view.length === 3 && view.every(Number.isFinite);
    if (known) m.map.setView(m.there(view[0], view[1]).reverse(), view[2], { animate: false });
    if (page.dataset.open) twin.goto(page.dataset.open, MAP, !known);
    follow(m);
  };
})();
