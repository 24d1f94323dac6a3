/* The park's map: puts two canvas sheets under a Leaflet map, loads geometry once, knows what lies where.
   Sheets (map_sheet.js) are drawn by map_scenery.js (what stands still) and map_symbols.js (what changes). */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const maps = (twin.maps = {});
  // for a park that is not the one in use: nothing is known of its present state
  const SILENT = { level: () => "offline", gate: () => [null, "unknown"], point: () => null };
  const waiting = {}; // commands that came before their map
  const REF = 16; // zoom of the local coordinates: pixels at this zoom, from the middle of the park
  const WORLD = 256 * 2 ** REF;
  const SOURCE = "/geo"; // where the present park's geometry is; a replay has a park of its own
  const SHELVES = ["places", "plots", "network", "ground"];
  const shelves = new Map();

  /** Fetch one layer of geometry; the promise is kept, so every map of this page shares it. */
  function shelf(name, version, source) {
    const url = `${source}/${name}.json?v=${encodeURIComponent(version)}`;
    if (!shelves.has(url)) {
      for (const old of shelves.keys()) if (old.startsWith(`${source}/${name}.json?`)) shelves.delete(old);
      const got = fetch(url).then((r) => {
        if (!r.ok) throw new Error(`${url}: ${r.status}`);
        return r.json();
      });
      got.catch(() => shelves.delete(url));
      shelves.set(url, got);
    }
    return shelves.get(url);
  }

  const mercator = (lon, lat) => {
    const s = Math.sin((lat * Math.PI) / 180);
    return [((lon + 180) / 360) * WORLD, (0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)) * WORLD];
  };

  class ParkMap {
    constructor(map, element) {
      this.map = map;
      this.element = element;
      this.id = element.id;
      this.options = JSON.parse(element.dataset.map);
      this.layers = this.options.layers;
      this.live = this.options.live === false ? SILENT : twin.live;
      this.drawing = null;
      this.selected = null;
      this.hovered = null;
      this.tool = null; // what takes the clicks instead: measuring
      this.clock = null;
      this.key = null;
      this.handlers = new Map();
      this.data = { ground: [], plots: [], network: [], places: [] };
      this.sent = {};
      [this.there, this.back] = twin.datum("");
      this.off = [];
      this.scenery = this.symbols = { soon() {} }; // until there are panes: they are drawn once they stand, whatever was asked before
      maps[this.id] = this;
      map.on("unload", () => this.close());
      this.ready = this.start();
    }

    async start() {
      await this.panes();
      this.palette();
      const sheet = (pane, ground, paint) => new twin.MapSheet(paint, { pane, ground, owner: this }).addTo(this.map);
      this.scenery = sheet("scenery", true, (ctx, view) => twin.paintScenery(this, ctx, view));
      this.symbols = sheet("symbols", false, (ctx, view) => twin.paintSymbols(this, ctx, view));
      this.listen();
      try {
        await Promise.all(SHELVES.map((name) => this.fetch(name).then((got) => this.take(name, got))));
        await this.crowd();
      } catch (error) {
        this.element.dataset.error = String(error.message || error);
        throw error;
      }
      if (this.closed) return;
      this.element.dataset.ready = "true";
      this.element.dataset.version = this.options.version;
      for (const [member, data] of waiting[this.id] || []) this[member](data);
      delete waiting[this.id];
      if (twin.onMapReady) twin.onMapReady(this);
    }

    /** Another version of the park: fetch its geometry and draw it where the reader is looking. */
    async renew(version) {
      if (version === this.options.version || (this.options.source || SOURCE) !== SOURCE) return; // not the park in use
      this.options.version = version;
      const parts = await Promise.all(SHELVES.map((name) => this.fetch(name)));
      if (this.options.version !== version) return; // a newer one came in the meantime
      SHELVES.forEach((name, n) => this.take(name, parts[n]));
      await this.crowd();
      this.element.dataset.version = version;
    }

    fetch(name) { return shelf(name, this.options.version, this.options.source || SOURCE); }

    /** Very many stations come by themselves, after everything else is drawn. */
    async crowd() {
      const dense = this.dense, version = this.options.version;
      const got = dense ? await this.fetch("sites") : null;
      if (this.options.version !== version) return;
      this.cloud = got ? new twin.StationCloud(this, got) : null;
      this.symbols.soon();
    }

    /** What lies under "layer/id"; undefined where nothing does. */
    place(key) {
      return this.named.get(key) || (this.cloud && key.startsWith("station/") ? this.cloud.named(key.slice(8)) : undefined);
    }

    panes() {
      return new Promise((done) => {
        const look = () => (this.map.getPane("symbols") && this.map.getPane("scenery") ? done() : requestAnimationFrame(look));
        look();
      });
    }

    close() {
      this.closed = true; // geometry still on its way finds nobody home
      if (this.tool) this.tool.close();
      for (const stop of this.off) stop();
      if (maps[this.id] === this) delete maps[this.id];
    }

    take(name, collection) {
      if (this.closed) return;
      if (!this.origin) {
        const [w, s, e, n] = collection.bounds;
        this.bounds = collection.bounds;
        this.origin = [(w + e) / 2, (s + n) / 2];
        this.o = mercator(...this.there(...this.origin));
        this.fit(this.options.fit || this.bounds, false);
      }
      this.sent[name] = collection.features;
      this.data[name] = collection.features.map((f) => this.local(f));
      if (name === "places") this.dense = !!collection.dense;
      this.index();
      this.scenery.soon();
      this.symbols.soon();
    }

    /** A feature in local coordinates: rings of flat [x, y, x, y ...]. */
    local(f) {
      const g = f.geometry, p = f.properties || {};
      const flat = (points) => {
        const out = new Float64Array(points.length * 2);
        points.forEach((c, n) => { const q = this.xy(c[0], c[1]); out[2 * n] = q[0]; out[2 * n + 1] = q[1]; });
        return out;
      };
      let rings = [], kind = "line";
      if (!g) kind = "none";
      else if (g.type === "Point") { rings = [flat([g.coordinates])]; kind = "point"; }
      else if (g.type === "LineString") rings = [flat(g.coordinates)];
      else if (g.type === "MultiLineString") rings = g.coordinates.map(flat);
      else if (g.type === "Polygon") { rings = g.coordinates.map(flat); kind = "area"; }
      else if (g.type === "MultiPolygon") { rings = g.coordinates.flatMap((part) => part.map(flat)); kind = "area"; }
      else if (g.type === "MultiPoint") { rings = g.coordinates.map((c) => flat([c])); kind = "point"; }
      return { p, kind, rings, x: rings.length ? rings[0][0] : 0, y: rings.length ? rings[0][1] : 0 };
    }

    xy(lon, lat) {
      const q = mercator(...this.there(lon, lat));
      return [q[0] - this.o[0], q[1] - this.o[1]];
    }
    lonlat(x, y) {
      const X = x + this.o[0], Y = y + this.o[1];
      const lat = (Math.atan(Math.sinh(Math.PI * (1 - (2 * Y) / WORLD))) * 180) / Math.PI;
      return this.back((X / WORLD) * 360 - 180, lat);
    }

    /** Draw in another datum, the view staying where it is: everything is laid out anew from what was sent. */
    project(name) {
      const { lat, lng } = this.map.getCenter(), [lon, north] = this.back(lng, lat);
      [this.there, this.back] = twin.datum(name);
      if (!this.origin) return;
      this.o = mercator(...this.there(...this.origin));
      for (const part of Object.keys(this.sent)) this.data[part] = this.sent[part].map((f) => this.local(f));
      if (this.drawing) this.drawing.items = this.drawing.features.map((f) => this.local(f));
      if (this.cloud) this.cloud = new twin.StationCloud(this, this.cloud.got);
      this.index();
      const [x, y] = this.there(lon, north);
      this.map.setView([y, x], this.map.getZoom(), { animate: false });
      this.scenery.soon();
      this.symbols.soon();
    }

    /** How local coordinates lie on a sheet: X = x k + ox. */
    frame(zoom, min, size, dpr, pixel) {
      if (!this.o) return null;
      const k = 2 ** (zoom - REF);
      const ox = this.o[0] * k - pixel.x - min.x, oy = this.o[1] * k - pixel.y - min.y;
      const ppm = 2 ** zoom / (156543.034 * Math.cos((this.origin[1] * Math.PI) / 180));
      const cut = this.map.getSize(), corner = this.map.containerPointToLayerPoint([0, 0]);
      const shown = { x0: corner.x - min.x, y0: corner.y - min.y, x1: corner.x - min.x + cut.x, y1: corner.y - min.y + cut.y };
      return { k, ox, oy, zoom, ppm, dpr, w: size.x, h: size.y, shown };
    }

    index() {
      const by = (layer) => this.data.places.filter((f) => f.p.layer === layer);
      Object.assign(this, {
        stationsAt: by("station"), gatesAt: by("gate"), enterprisesAt: by("enterprise"), outletsAt: by("outlet"),
        receptorsAt: by("receptor"), facilitiesAt: by("facility"), poolsAt: by("pool"),
      });
      this.named = new Map(this.data.places.map((f) => [f.p.layer + "/" + f.p.id, f]));
      this.links = new Map(this.data.network.map((f) => [f.p.id, f]));
      this.parcels = this.data.plots.filter((f) => f.p.layer === "parcel");
      this.parcelOf = new Map(this.parcels.filter((f) => f.p.enterprise).map((f) => [f.p.enterprise, f]));
      // works and pools stand on plots that belong to no enterprise
      for (const f of [...this.facilitiesAt, ...this.poolsAt.filter((p) => p.p.level === 2)])
        f.parcel = this.parcels.find((plot) => inside(plot.rings[0], f.x, f.y));
      this.paths = null; // map_scenery.js builds its paths anew
    }

    palette() {
      const style = getComputedStyle(this.element);
      const cache = {};
      this.font = style.getPropertyValue("--font");
      this.fs = parseFloat(style.getPropertyValue("--fs-map")) || 12;
      this.wall = this.options.scale === "wall";
      this.c = (name) => (cache[name] ??= style.getPropertyValue("--" + name).trim());
    }

    listen() {
      const dom = (target, name, fn, options) => {
        target.addEventListener(name, fn, options);
        this.off.push(() => target.removeEventListener(name, fn, options));
      };
      dom(document, "twin:theme", () => { this.palette(); this.scenery.soon(); this.symbols.soon(); });
      this.off.push(twin.live.on((kind, frame) => {
        if (kind === "park" && (this.options.source || SOURCE) === SOURCE) this.renew(frame.now);
        if (kind === "delta" && !frame.si.length && this.sameGates()) return;
        this.symbols.soon();
      }));
      let again = 0;
      const sizes = new ResizeObserver(() => {
        this.map.invalidateSize({ pan: false, animate: false });
        clearTimeout(again); // what was flown to is fitted anew, unless somebody has moved the map since
        if (this.fitted === "drawing") again = setTimeout(() => this.map && this.fitted && this.fit("drawing", false), 250);
      });
      sizes.observe(this.element);
      const touched = () => { this.fitted = ""; };
      for (const name of ["pointerdown", "wheel", "keydown"]) this.element.addEventListener(name, touched, { passive: true, capture: true });
      this.off.push(() => {
        sizes.disconnect();
        clearTimeout(again);
        for (const name of ["pointerdown", "wheel", "keydown"]) this.element.removeEventListener(name, touched, { capture: true });
      });
      // a long drag leaves the drawn margin: draw again before too much of the edge shows
      this.map.on("move", () => {
        if (this.map._animatingZoom || this.scenery._zoom !== this.map.getZoom() || this.scenery._covers()) return;
        if (performance.now() - (this.scenery._drawn || 0) < 120) return;
        this.scenery._update();
        this.symbols._update();
      });
      if (this.options.furniture) twin.mapFurniture(this);
      if (!this.options.interactive) return;
      if (this.options.furniture) twin.mapButtons(this);
      this.map.on("click", (event) => this.pick(event));
      this.map.on("mousemove", (event) => this.hover(event));
      this.map.on("mouseout", () => this.hover(null));
    }

    sameGates() {
      const now = JSON.stringify(twin.live.gates);
      const same = now === this.gatesDrawn;
      this.gatesDrawn = now;
      return same;
    }

    /* ---- what lies where ---- */

    local2(event) {
      const z = 2 ** (REF - this.map.getZoom());
      const p = this.map.project(event.latlng, this.map.getZoom());
      return { x: p.x * z - this.o[0], y: p.y * z - this.o[1], reach: z };
    }

    find(event) {
      if (!this.named) return null;
      const at = this.local2(event), near = (px) => px * at.reach;
      const coarse = matchMedia("(pointer: coarse)").matches ? 1.8 : 1;
      const zoom = this.map.getZoom();
      const groups = [
        ["gate", this.gatesAt, 13], ["station", this.stationsAt, 11], ["receptor", this.receptorsAt, 12],
        ["outlet", zoom >= 13.5 ? this.outletsAt.filter((f) => f.p.kind !== "crossing") : [], 8],
      ];
      for (const [layer, list, px] of groups) {
        if (this.layers[layer] === false) continue;
        const one = layer === "station" && this.cloud ? this.cloud.nearest(at.x, at.y, near(px * coarse)) : null;
        if (one) return one;
        let best = null, least = near(px * coarse) ** 2;
        for (const f of list) {
          const d = (f.x - at.x) ** 2 + (f.y - at.y) ** 2;
          if (d < least) { least = d; best = f; }
        }
        if (best) return best;
      }
      const line = this.findLine(at, near(6 * coarse));
      if (line) return line;
      const parcel = this.parcels.find((f) => inside(f.rings[0], at.x, at.y));
      if (!parcel) return null;
      if (parcel.p.enterprise) return this.named.get("enterprise/" + parcel.p.enterprise) || null;
      return [...this.facilitiesAt, ...this.poolsAt].find((f) => f.parcel === parcel) || null;
    }

    findLine(at, reach) {
      let best = null, least = reach;
      for (const f of this.data.network) {
        const layer = f.p.system === "canal" ? "canal" : f.p.system === "rain" ? "rain" : "pipe";
        if (this.layers[layer] === false) continue;
        const d = distance(f.rings[0], at.x, at.y) - (layer === "canal" ? 3 * (reach / 6) : 0);
        if (d < least) { least = d; best = f; }
      }
      return best;
    }

    describe(f, event) {
      const [lon, lat] = f && f.kind === "point" ? this.lonlat(f.x, f.y) : this.back(event.latlng.lng, event.latlng.lat);
      if (!f) return { kind: "none", id: "", lon, lat, at: Date.now() };
      const p = f.p, kind = p.layer !== "link" ? p.layer : p.system === "canal" ? "reach" : p.system === "rain" ? "channel" : "pipe";
      let node = p.node;
      if (p.layer === "link") { // the nearer end of the line stands for the point clicked
        const at = this.local2(event), r = f.rings[0], n = r.length;
        const from = (r[0] - at.x) ** 2 + (r[1] - at.y) ** 2, to = (r[n - 2] - at.x) ** 2 + (r[n - 1] - at.y) ** 2;
        node = from < to ? p.from : p.to;
      }
      return { kind, id: p.id, lon, lat, node, at: Date.now() };
    }

    /** Stations that are drawn as one symbol here, if there is one. */
    many(event) {
      const at = this.local2(event), reach = 13 * at.reach, list = this.layers.station === false ? [] : this.shown || [];
      return list.find((it) => it.members && it.members.length > 1 && Math.hypot(it.f.x - at.x, it.f.y - at.y) < reach);
    }

    pick(event) {
      if (this.tool) { this.tool.click(event); return; }
      const many = this.many(event);
      if (many) { this.map.flyTo(this.there(...this.lonlat(many.f.x, many.f.y)).reverse(), this.map.getZoom() + 1.5, { duration: 0.6 }); return; }
      const f = this.find(event), what = this.describe(f, event);
      this.select(f && f.p.layer !== "link" ? { kind: f.p.layer, id: f.p.id } : f ? { kind: "link", id: f.p.id } : null);
      this.tell("pick", what);
      window.dash_clientside.set_props({ type: "map-pick", map: this.id }, { data: what });
    }

    hover(event) {
      if (this.tool) { this.tool.move(event); return; }
      const f = event && (this.many(event) || this.find(event));
      this.map.getContainer().style.cursor = f ? "pointer" : "";
      const key = f && f.p ? f.p.layer + "/" + f.p.id : null;
      if (key === this.hovered) return;
      this.hovered = key;
      this.symbols.soon();
    }

    on(name, fn) {
      if (!this.handlers.has(name)) this.handlers.set(name, new Set());
      this.handlers.get(name).add(fn);
      return () => this.handlers.get(name).delete(fn);
    }
    tell(name, value) { for (const fn of this.handlers.get(name) || []) fn(value); }

    /* ---- what a page may ask ---- */

    select(what) {
      this.selected = what && what.kind ? what.kind + "/" + what.id : null;
      this.symbols.soon();
      this.tell("select", this.selected);
    }

    draw(collection) {
      const had = this.key;
      this.drawing = collection && collection.features.length
        ? { ...collection, items: collection.features.map((f) => this.local(f)) } : null;
      this.key = collection ? collection.key || null : null;
      this.symbols.soon();
      if (this.drawing && this.key && this.key !== had) this.view({ fit: "drawing" });
    }

    /** Show plume and forecast as of another moment (park ms; null for now), cut as a scenario's gates cut it. */
    time(ms, scenario = null) {
      Object.assign(this, { clock: ms, scenario });
      this.symbols.soon();
    }

    switch(layers) {
      Object.assign(this.layers, layers);
      if (layers.basemap !== undefined) twin.baseMap(this, layers.basemap);
      this.scenery.soon();
      this.symbols.soon();
    }

    view(command) {
      if (!command) return;
      if (command.layers) this.switch(command.layers);
      if (command.select !== undefined) this.select(command.select);
      if (command.fit) this.fit(command.fit, true);
      else if (command.center) this.map.flyTo(this.there(...command.center).reverse(), command.zoom || this.map.getZoom(), { duration: 0.6 });
    }

    fit(what, animate) {
      let box = what === "park" ? this.options.fit || this.bounds : what;
      let pad = this.options.pad;
      if (what === "drawing") {
        if (!this.drawing) return;
        pad = this.drawing.pad || pad;
        const lon = [], lat = [];
        for (const f of this.drawing.items) {
          if (f.p.fit === false) continue; // drawn, not flown to
          for (const r of f.rings) for (let n = 0; n < r.length; n += 2) { const q = this.lonlat(r[n], r[n + 1]); lon.push(q[0]); lat.push(q[1]); }
        }
        if (!lon.length) return;
        box = [Math.min(...lon), Math.min(...lat), Math.max(...lon), Math.max(...lat)];
      }
      this.fitted = what;
      const still = !animate || matchMedia("(prefers-reduced-motion: reduce)").matches;
      const low = this.there(box[0], box[1]), high = this.there(box[2], box[3]);
      this.map.fitBounds([[low[1], low[0]], [high[1], high[0]]], {
        paddingTopLeft: [pad[3], pad[0]], paddingBottomRight: [pad[1], pad[2]], animate: !still, duration: 0.6, maxZoom: 17,
      });
    }
  }

  function inside(ring, x, y) {
    let hit = false;
    for (let n = 0, m = ring.length - 2; n < ring.length; m = n, n += 2) {
      const y0 = ring[n + 1], y1 = ring[m + 1];
      if (y0 > y !== y1 > y && x < ((ring[m] - ring[n]) * (y - y0)) / (y1 - y0) + ring[n]) hit = !hit;
    }
    return hit;
  }

  function distance(r, x, y) {
    let least = Infinity;
    for (let n = 0; n + 3 < r.length; n += 2) {
      const dx = r[n + 2] - r[n], dy = r[n + 3] - r[n + 1], long = dx * dx + dy * dy || 1;
      const t = Math.max(0, Math.min(1, ((x - r[n]) * dx + (y - r[n + 1]) * dy) / long));
      least = Math.min(least, (r[n] + t * dx - x) ** 2 + (r[n + 1] + t * dy - y) ** 2);
    }
    return Math.sqrt(least);
  }

  /** Called by Dash when a page writes to one of a map's stores. */
  twin.onMap = function (id, member, data) {
    const map = maps[id];
    if (map && map.element.dataset.ready && map.element.isConnected) map[member](data);
    else if (data) (waiting[id] = waiting[id] || []).push([member, data]);
    return Date.now();
  };

  L.Map.addInitHook(function () {
    const element = this.getContainer().closest(".park-map");
    if (element) new ParkMap(this, element);
  });
})();
