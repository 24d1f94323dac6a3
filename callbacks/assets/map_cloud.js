/* Very many stations: columns instead of features, points written straight into pixels, what is not normal gathered
   by the worst of each patch. Few enough in the view, and they are drawn as stations are. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const LOUD = 2; // from this level on (watch) a station is more than a dot
  const FEW = 1500; // so many in the view are drawn one by one
  const PATCH = 30; // px: one symbol stands for what is not normal within it
  const COUNTED = 120; // so many patches, the worst, say how many stations they stand for
  const CELL = 64; // px at the reference zoom: how finely places are looked up

  twin.StationCloud = class {
    /** `got` is /geo/sites.json; its order is that of the live feed's stations, if both are of one version. */
    constructor(map, got) {
      const n = (this.n = got.lon.length);
      Object.assign(this, { map, got, x: new Float64Array(n), y: new Float64Array(n), image: null, ids: null, shown: [], laid: null, stamps: new Map() });
      for (let k = 0; k < n; k += 1) {
        if (got.lon[k] === null || got.lat[k] === null) { this.x[k] = this.y[k] = NaN; continue; }
        [this.x[k], this.y[k]] = map.xy(got.lon[k], got.lat[k]);
      }
      this.grid();
    }

    /** Stations sorted by cell, so that a look-up touches few of them. */
    grid() {
      const { n, x, y } = this;
      let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
      for (let k = 0; k < n; k += 1) {
        if (x[k] < x0) x0 = x[k];
        if (x[k] > x1) x1 = x[k];
        if (y[k] < y0) y0 = y[k];
        if (y[k] > y1) y1 = y[k];
      }
      const size = Math.max(CELL, Math.max(x1 - x0, y1 - y0) / 1000), wide = Math.max(1, Math.ceil((x1 - x0) / size) + 1);
      const high = Math.max(1, Math.ceil((y1 - y0) / size) + 1);
      const from = new Uint32Array(wide * high + 2), of = new Int32Array(n), order = new Uint32Array(n);
      for (let k = 0; k < n; k += 1) {
        of[k] = Number.isNaN(x[k]) ? wide * high : Math.floor((y[k] - y0) / size) * wide + Math.floor((x[k] - x0) / size);
        from[of[k] + 1] += 1;
      }
      for (let c = 0; c <= wide * high; c += 1) from[c + 1] += from[c];
      const next = from.slice();
      for (let k = 0; k < n; k += 1) order[next[of[k]]++] = k;
      this.cells = { x0, y0, size, wide, high, from, order };
    }

    /** Call fn(k) for the stations of every cell that touches a box of local coordinates. */
    within(left, top, right, bottom, fn) {
      const { x0, y0, size, wide, high, from, order } = this.cells;
      const c0 = Math.max(0, Math.floor((left - x0) / size)), c1 = Math.min(wide - 1, Math.floor((right - x0) / size));
      const r0 = Math.max(0, Math.floor((top - y0) / size)), r1 = Math.min(high - 1, Math.floor((bottom - y0) / size));
      for (let r = r0; r <= r1; r += 1)
        for (let at = from[r * wide + c0], end = from[r * wide + c1 + 1]; at < end; at += 1) fn(order[at]);
    }

    /** The nearest station to a point, within a distance; as a feature, or null. */
    nearest(x, y, reach) {
      let best = -1, least = reach * reach;
      this.within(x - reach, y - reach, x + reach, y + reach, (k) => {
        const d = (this.x[k] - x) ** 2 + (this.y[k] - y) ** 2;
        if (d < least) { least = d; best = k; }
      });
      return best < 0 ? null : this.feature(best);
    }

    feature(k) {
      const { id, zh, en, kinds, kind } = this.got;
      return { p: { layer: "station", id: id[k], zh: zh[k], en: en[k], kind: kinds[kind[k]] }, kind: "point", rings: [], x: this.x[k], y: this.y[k], k };
    }

    named(id) {
      this.ids ??= new Map(this.got.id.map((name, k) => [name, k]));
      return this.ids.has(id) ? this.feature(this.ids.get(id)) : undefined;
    }

    /** Level of every station; null while none is known, or the feed's order is that of another version. */
    levels() {
      const { live } = this.map;
      return live.stale !== false || live.orderOf !== this.got.version ? null : live.stationLevels;
    }

    level(k) {
      const levels = this.levels();
      return levels ? levels[k] || 0 : 0;
    }

    /** Which stations are in the view, and where in the image's memory each of their dots begins. */
    lay(ctx, view) {
      const { k, ox, oy, dpr } = view, w = ctx.canvas.width, h = ctx.canvas.height, key = [k, ox, oy, dpr, w, h].join();
      if (this.laid === key) return;
      this.laid = key;
      let many = 0;
      const shown = (this.room ??= new Uint32Array(this.n));
      this.within(-ox / k, -oy / k, (view.w - ox) / k, (view.h - oy) / k, (n) => { shown[many++] = n; });
      this.shown = shown.subarray(0, many);
      this.few = many <= FEW;
      if (this.few || !w || !h) return;
      if (!this.image || this.image.width !== w || this.image.height !== h) {
        this.image = ctx.createImageData(w, h);
        this.pixels = new Uint32Array(this.image.data.buffer);
      }
      const side = (this.side = Math.max(2, Math.round((many > 60000 ? 1.6 : 2.4) * dpr))), half = side >> 1;
      const start = (this.start ??= new Int32Array(this.n));
      for (let q = 0; q < many; q += 1) {
        const px = Math.round((this.x[shown[q]] * k + ox) * dpr) - half, py = Math.round((this.y[shown[q]] * k + oy) * dpr) - half;
        start[q] = px < 0 || py < 0 || px + side > w || py + side > h ? -1 : py * w + px;
      }
    }

    /** Below everything else of the sheet: the dots, the worst on top. Nothing where stations are drawn one by one. */
    paintDots(ctx, view) {
      this.lay(ctx, view);
      if (this.few || !this.image) return;
      const { pixels, side, start, shown } = this, w = this.image.width, many = shown.length;
      const inks = Uint32Array.from(twin.live.LEVELS, (level) => ink(this.map.c("lv-" + level)));
      const levels = this.levels(), loud = [[], [], [], []];
      pixels.fill(0);
      const dot = (at, colour) => {
        for (let dy = 0; dy < side; dy += 1, at += w) for (let dx = 0; dx < side; dx += 1) pixels[at + dx] = colour;
      };
      for (let q = 0; q < many; q += 1) {
        const l = levels ? levels[shown[q]] : 0;
        if (l >= LOUD) loud[l - LOUD].push(q);
        else if (start[q] >= 0) dot(start[q], inks[l]);
      }
      loud.forEach((list, l) => { for (const q of list) if (start[q] >= 0) dot(start[q], inks[l + LOUD]); });
      ctx.putImageData(this.image, 0, 0);
      this.loud = loud.flat().map((q) => shown[q]);
    }

    /** Above lines: stations one by one, or one symbol for each patch in which not all is well. */
    paintMarks(ctx, view, board) {
      const { map } = this, list = [];
      if (this.few) {
        for (const n of this.shown) list.push({ n, l: this.level(n) });
        list.sort((a, b) => a.l - b.l);
        for (const it of list) this.mark(ctx, view, board, it.n, it.l, 1);
        return;
      }
      const patches = new Map();
      for (const n of this.loud) {
        const key = Math.floor((this.x[n] * view.k) / PATCH) * 65536 + Math.floor((this.y[n] * view.k) / PATCH);
        const had = patches.get(key), l = this.level(n);
        if (!had) patches.set(key, { n, l, many: 1 });
        else { had.many += 1; if (l > had.l) { had.l = l; had.n = n; } }
      }
      const all = [...patches.values()].sort((a, b) => a.l - b.l || a.many - b.many), quiet = all.length - COUNTED;
      all.forEach((it, n) => this.mark(ctx, view, n < quiet ? null : board, it.n, it.l, it.many));
      map.element.dataset.patches = String(patches.size);
    }

    /** One symbol; without a board it neither keeps its place nor is labelled. */
    mark(ctx, view, board, n, l, many) {
      const { map } = this, x = this.x[n] * view.k + view.ox, y = this.y[n] * view.k + view.oy;
      const size = l < LOUD ? (map.wall ? 15 : 12) : map.wall ? 24 : 18, stamp = this.stamp(l, size, view.dpr), room = size + 6;
      ctx.drawImage(stamp, x - room / 2, y - room / 2, room, room);
      if (!board) return;
      board.take(x - size / 2, y - size / 2, size, size, l < LOUD ? 0.3 : 2);
      const text = many > 1 ? "×" + many : l >= LOUD && this.few ? this.got.id[n] : "";
      if (text) board.label(text, x, y, { gap: size / 2 + 3, bold: true, colour: "text-1", sides: "rltb" });
    }

    /** A level's symbol drawn once, to be stamped. */
    stamp(l, size, dpr) {
      const key = [l, size, dpr, this.map.c("bg")].join();
      if (!this.stamps.has(key)) {
        const canvas = document.createElement("canvas"), room = size + 6;
        canvas.width = canvas.height = Math.ceil(room * dpr);
        const ctx = canvas.getContext("2d");
        ctx.scale(dpr, dpr);
        twin.glyph(ctx, this.map.c, twin.live.LEVELS[l], room / 2, room / 2, size);
        this.stamps.set(key, canvas);
      }
      return this.stamps.get(key);
    }
  };

  const inks = new Map();
  /** A colour of the style sheet as one number of an image's memory. */
  function ink(colour) {
    if (!inks.has(colour)) {
      const ctx = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      ctx.fillStyle = colour;
      ctx.fillRect(0, 0, 1, 1);
      inks.set(colour, new Uint32Array(ctx.getImageData(0, 0, 1, 1).data.buffer)[0]);
    }
    return inks.get(colour);
  }
})();
