/* The sheet of what stands still: coast, sea, fields, roads, canals, parcels, tanks, racks, pipes.
   Shapes become Path2D objects once; each drawing only strokes and fills them at the present scale. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});

  function addRing(path, r, close) {
    path.moveTo(r[0], r[1]);
    for (let n = 2; n < r.length; n += 2) path.lineTo(r[n], r[n + 1]);
    if (close) path.closePath();
  }

  /* Many small shapes are kept in squares of the ground, so that only those in view are drawn. */
  const SQUARE = 160, MANY = new Set(["field", "plot", "tank", "parcel"]);
  class Tiles {
    constructor() { this.tiles = new Map(); }
    add(rings) {
      const r = rings[0], key = Math.floor(r[0] / SQUARE) + "/" + Math.floor(r[1] / SQUARE);
      let tile = this.tiles.get(key);
      if (!tile) this.tiles.set(key, (tile = { path: new Path2D(), box: [Infinity, Infinity, -Infinity, -Infinity] }));
      for (const ring of rings) addRing(tile.path, ring, true);
      const b = tile.box;
      for (let n = 0; n < r.length; n += 2) {
        b[0] = Math.min(b[0], r[n]); b[1] = Math.min(b[1], r[n + 1]);
        b[2] = Math.max(b[2], r[n]); b[3] = Math.max(b[3], r[n + 1]);
      }
    }
    *seen(view) {
      const { k, ox, oy, w, h } = view;
      for (const { path, box } of this.tiles.values())
        if (box[2] * k + ox > 0 && box[3] * k + oy > 0 && box[0] * k + ox < w && box[1] * k + oy < h) yield path;
    }
  }

  /** Collect features by layer: areas (many small ones in tiles), lines by width. */
  function build(map) {
    const paths = { areas: {}, tiles: {}, lines: {}, pipes: new Path2D(), shared: new Path2D(), effluent: new Path2D(), rain: new Path2D(), canal: new Map(), stubs: [] };
    for (const f of [...map.data.ground, ...map.data.plots]) {
      const layer = f.p.layer;
      if (layer === "label" || f.kind === "point" || f.kind === "none") continue;
      if (f.kind === "area") {
        if (MANY.has(layer)) { (paths.tiles[layer] ??= new Tiles()).add(f.rings); continue; }
        const path = (paths.areas[layer] ??= new Path2D());
        f.rings.forEach((r) => addRing(path, r, true));
      } else {
        const width = Number(f.p.width_m ?? f.p.width ?? 0);
        const groups = (paths.lines[layer] ??= new Map());
        if (!groups.has(width)) groups.set(width, new Path2D());
        f.rings.forEach((r) => addRing(groups.get(width), r, false));
      }
    }
    for (const f of map.data.network) {
      const p = f.p;
      if (p.system === "canal") {
        const width = Math.round(p.width || 20);
        if (!paths.canal.has(width)) paths.canal.set(width, new Path2D());
        addRing(paths.canal.get(width), f.rings[0], false);
      } else if (p.system === "rain") addRing(paths.rain, f.rings[0], false);
      else if (p.kind === "pipe") {
        const path = p.enterprise ? paths.pipes : p.rack === "shared" ? paths.shared : paths.effluent;
        addRing(path, f.rings[0], false);
      }
    }
    return paths;
  }

  twin.paintScenery = function (map, ctx, view) {
    const paths = (map.paths ??= build(map));
    const { k, ox, oy, dpr, zoom, ppm } = view, c = map.c, on = map.layers;
    const local = () => ctx.setTransform(dpr * k, 0, 0, dpr * k, dpr * ox, dpr * oy);
    const px = (n) => n / k;
    ctx.lineJoin = "round";
    ctx.lineCap = "butt";
    const fill = (layer, colour, line) => {
      const whole = paths.areas[layer], many = whole ? [whole] : paths.tiles[layer] ? paths.tiles[layer].seen(view) : [];
      ctx.fillStyle = c(colour);
      ctx.lineWidth = px(1);
      if (line) ctx.strokeStyle = c(line);
      for (const path of many) {
        ctx.fill(path, whole ? "evenodd" : "nonzero");
        if (line) ctx.stroke(path);
      }
    };
    const stroke = (layer, colour, { least = 1, most = Infinity, dash = null, extra = 0 } = {}) => {
      for (const [metres, path] of paths.lines[layer] || []) {
        ctx.strokeStyle = c(colour);
        ctx.lineWidth = px(Math.min(most, Math.max(least, metres * ppm)) + extra);
        ctx.setLineDash(dash ? dash.map(px) : []);
        ctx.stroke(path);
      }
      ctx.setLineDash([]);
    };
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    ctx.fillStyle = c("map-land");
    if (map.tiles) ctx.clearRect(0, 0, view.w, view.h);
    else ctx.fillRect(0, 0, view.w, view.h);
    local();
    if (on.scenery !== false && !map.tiles) ground(fill, stroke, zoom);
    if (on.canal !== false) canals(map, ctx, paths, view, px);
    if (on.scenery !== false) {
      ctx.lineCap = "round";
      stroke("dike", "map-dike", { least: 2, most: 4 });
      stroke("jetty", "map-dike", { least: 1.5, most: 8 });
      ctx.lineCap = "butt";
      stroke("boundary", "line-3", { least: 1, most: 1.4, dash: [10, 4, 2, 4] });
      if (paths.areas.boundary) {
        ctx.setLineDash([px(10), px(4), px(2), px(4)]);
        ctx.strokeStyle = c("line-3");
        ctx.lineWidth = px(1.2);
        ctx.stroke(paths.areas.boundary);
        ctx.setLineDash([]);
      }
    }
    if (on.plot !== false) {
      fill("parcel", "map-parcel", "map-parcel-line");
      if (zoom >= 12.5) { fill("plot", "map-plot", zoom >= 15 ? "map-plot-line" : null); fill("tank", "map-tank", zoom >= 14.5 ? "map-plot-line" : null); }
      fill("pool", "map-canal", "map-canal-edge");
    }
    network(map, ctx, paths, zoom, px, fill, stroke);
    if (on.flow !== false) chevrons(map, ctx, view);
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
  };

  function ground(fill, stroke, zoom) {
    fill("sea", "map-sea");
    fill("flat", "map-flat");
    fill("land", "map-land");
    stroke("bathymetry", "map-sea-line", { most: 1 });
    fill("field", "map-field", zoom >= 13 ? "map-field-line" : null);
    fill("green", "map-green");
    stroke("green", "map-green");
    fill("road", "map-road");
    stroke("road", "map-road", { least: 1.2 });
  }

  /** Canals are never thinner than they can be seen, and never thicker than they are when near. */
  function canals(map, ctx, paths, view, px) {
    const c = map.c, least = (map.wall ? 1.25 : 1) * Math.max(2.5, Math.min(9, 3 + (view.zoom - 12) * 2.6));
    ctx.lineCap = "round";
    const water = paths.areas.canal;
    for (const [extra, colour] of [[2, "map-canal-edge"], [0, "map-canal"]]) {
      if (water && extra) { ctx.strokeStyle = c(colour); ctx.lineWidth = px(2); ctx.stroke(water); }
      if (water && !extra) { ctx.fillStyle = c(colour); ctx.fill(water, "evenodd"); }
      for (const [metres, path] of paths.canal) {
        ctx.strokeStyle = c(colour);
        if (water && metres * view.ppm > least) continue; // near: the banks as they are
        ctx.lineWidth = px(Math.max(least, metres * view.ppm) + extra);
        ctx.stroke(path);
      }
    }
    ctx.lineCap = "butt";
    map.canalPx = least;
  }

  function network(map, ctx, paths, zoom, px, fill, stroke) {
    const c = map.c, on = map.layers, far = zoom < 12.5;
    const line = (path, colour, width, dash, alpha = 1) => {
      ctx.strokeStyle = c(colour);
      ctx.lineWidth = px(width);
      ctx.setLineDash(dash ? dash.map(px) : []);
      ctx.globalAlpha = alpha;
      ctx.stroke(path);
      ctx.globalAlpha = 1;
      ctx.setLineDash([]);
    };
    if (on.rain !== false && !far) line(paths.rain, "map-rain", zoom >= 15 ? 1.6 : 1.1, [5, 3], zoom >= 14 ? 0.95 : 0.7);
    if (on.rack !== false) {
      ctx.globalAlpha = 0.62;
      fill("rack", "map-rack");
      stroke("rack", "map-rack", { least: 2 });
      ctx.globalAlpha = 1;
    }
    if (on.pipe !== false) {
      const width = zoom >= 16 ? 1.6 : zoom >= 15 ? 1.1 : 0.8;
      line(paths.pipes, "map-pipe", width, null, far ? 0.5 : 0.78);
      if (!far) line(paths.shared, "map-pipe-shared", zoom >= 15 ? 2.2 : 1.7, [8, 3]);
      ctx.lineCap = "round";
      line(paths.effluent, "map-pipe", 1.3, [1.5, 4], 0.9);
      stroke("outfall", "map-pipe", { least: 1.4, most: 1.4, dash: [1.5, 4] });
      ctx.lineCap = "butt";
    }
  }

  /* Arrowheads along what flows: from which zoom on, in which colour, how far apart and how large, px. */
  const FLOWS = [
    { on: "canal", of: (p) => p.system === "canal", from: 12.75, colour: "map-canal-text", gap: 150, size: 3.2, width: 1.2 },
    { on: "rain", of: (p) => p.system === "rain", from: 14.5, colour: "map-rain", gap: 110, size: 3.4, width: 1.3 },
    { on: "pipe", of: (p) => p.kind === "pipe" && p.system !== "rain", from: 14.75, colour: "map-pipe", gap: 130, size: 3.6, width: 1.4 },
  ];

  /** Small arrowheads where the water moves, at even distances on the screen. */
  function chevrons(map, ctx, view) {
    const big = map.wall ? 1.3 : 1;
    ctx.setTransform(view.dpr, 0, 0, view.dpr, 0, 0);
    ctx.lineJoin = "miter";
    ctx.globalAlpha = 0.85;
    for (const flow of FLOWS) {
      if (view.zoom < flow.from || map.layers[flow.on] === false) continue;
      ctx.strokeStyle = map.c(flow.colour);
      ctx.lineWidth = flow.width * big;
      ctx.beginPath();
      heads(map, ctx, view, flow, big);
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
  }

  function heads(map, ctx, view, flow, big) {
    const { k, ox, oy, w, h } = view, gap = flow.gap * big, size = flow.size * big;
    const carry = new Map(); // distance since the last mark, by the node a line begins at
    for (const f of map.data.network) {
      if (!f.p.flow || !flow.of(f.p)) continue;
      let since = carry.get(f.p.from) ?? gap / 2;
      const r = f.rings[0];
      for (let n = 0; n + 3 < r.length; n += 2) {
        const x0 = r[n] * k + ox, y0 = r[n + 1] * k + oy, dx = (r[n + 2] - r[n]) * k, dy = (r[n + 3] - r[n + 1]) * k;
        const long = Math.hypot(dx, dy);
        if (!long) continue;
        const seen = Math.max(x0, x0 + dx) > 0 && Math.max(y0, y0 + dy) > 0 && Math.min(x0, x0 + dx) < w && Math.min(y0, y0 + dy) < h;
        for (let at = gap - since; seen && at <= long; at += gap) mark(ctx, x0 + (dx * at) / long, y0 + (dy * at) / long, dx / long, dy / long, size);
        since = (since + long) % gap;
      }
      carry.set(f.p.to, since);
    }
  }

  function mark(ctx, x, y, ux, uy, s) {
    ctx.moveTo(x - ux * s - uy * s, y - uy * s + ux * s);
    ctx.lineTo(x, y);
    ctx.lineTo(x - ux * s + uy * s, y - uy * s - ux * s);
  }
})();
