/* What a page draws above the park: suspects, plume, forecast, path, tags. The kinds are told in layers/map.py. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const REF = 16; // zoom of the map's local coordinates

  const pen = (map, ctx, colour, width, dash = [], cap = "round") => {
    ctx.strokeStyle = map.c(colour);
    ctx.lineWidth = width;
    ctx.setLineDash(dash);
    ctx.lineCap = cap;
    ctx.lineJoin = "round";
  };
  const of = (map, ...kinds) => map.drawing.items.filter((f) => kinds.includes(f.p.kind));
  const trace = (ctx, view, items) => {
    ctx.beginPath();
    for (const f of items) for (const r of f.rings) twin.outline(ctx, view, r, false);
    ctx.stroke();
  };

  /** Areas and lines, below the symbols. */
  twin.paintDrawing = function (map, ctx, view, board) {
    for (const f of of(map, "suspect").sort((a, b) => b.p.rank - a.p.rank)) suspect(map, ctx, view, f);
    for (const f of of(map, "ground")) ground(map, ctx, view, f);
    reaches(map, ctx, view);
    const now = map.clock || twin.live.now();
    for (const [band, width] of [[3, 22], [2, 15], [1, 9]]) {
      const items = of(map, "plume").filter((f) => f.p.band === band);
      const w = width * (map.wall ? 1 : 0.8), ahead = map.clock && map.clock > twin.live.now() + 30e3;
      pen(map, ctx, "plume-" + band, w, ahead ? [w * 0.9, w * 0.45] : [], ahead ? "butt" : "round");
      if (items.length) trace(ctx, view, items);
      fronts(map, ctx, view, now, band);
    }
    pen(map, ctx, "plume-1", map.wall ? 3 : 2.4, [1.5, map.wall ? 7 : 5.5]);
    trace(ctx, view, of(map, "forecast"));
    ahead(map, ctx, view, now);
    const path = of(map, "trace");
    if (path.length) {
      const w = map.wall ? 4 : 3.4;
      pen(map, ctx, "trace-casing", w * 2);
      trace(ctx, view, path);
      pen(map, ctx, "trace", w);
      trace(ctx, view, path);
      arrows(map, ctx, view, path, w);
    }
    ctx.setLineDash([]);
    for (const f of of(map, "arrival")) arrival(map, ctx, view, f, board);
    if (twin.paintMarkLines) twin.paintMarkLines(map, ctx, view);
  };

  /** Discs, glyphs and tags, above the symbols. */
  twin.paintPins = function (map, ctx, view, board) {
    for (const f of of(map, "suspect")) disc(map, ctx, view, f, board);
    for (const f of of(map, "sample")) sample(map, ctx, view, f, board);
    for (const f of of(map, "point")) mark(map, ctx, view, f, board);
    for (const f of of(map, "bar")) bar(map, ctx, view, f, board);
    if (twin.paintMarks) twin.paintMarks(map, ctx, view, board);
    const xy = (f) => [f.x * view.k + view.ox, f.y * view.k + view.oy];
    for (const f of of(map, "alarm")) {
      const [x, y] = xy(f), level = twin.live.LEVELS[f.p.level] || f.p.level || "critical";
      twin.glyph(ctx, map.c, level, x, y, map.wall ? 30 : 21);
      board.take(x - 12, y - 12, 24, 24, 20);
      board.call(x, y, f.p.title, saying(map, f) || f.p.text, level === "critical" ? "critical" : level, map.wall ? 17 : 12);
    }
    const close = of(map, "close");
    for (const f of close) { const [x, y] = xy(f); board.call(x, y, f.p.title, f.p.text, f.p.hot ? "hot" : "", 14); }
    for (const f of of(map, "receptor")) { const [x, y] = xy(f); board.call(x, y, f.p.title, f.p.text, "", 9); }
  };

  /** What a station of the incident says now: its worst factor with value and unit. */
  function saying(map, f) {
    const station = map.place("station/" + f.p.station), worst = station && twin.worst(map, station);
    return worst ? worst.text : "";
  }

  /** Ground of who drains to the asked point. */
  function ground(map, ctx, view, f) {
    ctx.beginPath();
    for (const r of f.rings) twin.outline(ctx, view, r);
    ctx.fillStyle = map.c("iso-2");
    ctx.globalAlpha = 0.16;
    ctx.fill();
    ctx.globalAlpha = 1;
    pen(map, ctx, "iso-2", 1.4);
    ctx.stroke();
  }

  /** A cross where the way is barred by hand. */
  function bar(map, ctx, view, f, board) {
    const x = f.x * view.k + view.ox, y = f.y * view.k + view.oy, s = 8;
    for (const [colour, width] of [["trace-casing", 6], ["trace", 3]]) {
      pen(map, ctx, colour, width);
      ctx.beginPath();
      ctx.moveTo(x - s, y - s); ctx.lineTo(x + s, y + s);
      ctx.moveTo(x + s, y - s); ctx.lineTo(x - s, y + s);
      ctx.stroke();
    }
    board.take(x - s, y - s, 2 * s, 2 * s);
  }

  function suspect(map, ctx, view, f) {
    const n = Math.min(3, f.p.rank), ring = f.rings[0];
    ctx.beginPath();
    twin.outline(ctx, view, ring);
    ctx.fillStyle = map.c("suspect-" + n);
    ctx.globalAlpha = n === 1 ? 0.34 : 0.24;
    ctx.fill();
    ctx.globalAlpha = 1;
    pen(map, ctx, "suspect-" + n, [3, 2.2, 1.8][n - 1]);
    ctx.stroke();
  }

  function disc(map, ctx, view, f, board) {
    const box = f.rings[0].reduce((b, v, i) => { const j = i % 2; b[j] = Math.min(b[j], v); b[j + 2] = Math.max(b[j + 2], v); return b; }, [Infinity, Infinity, -Infinity, -Infinity]);
    const x = ((box[0] + box[2]) / 2) * view.k + view.ox, y = ((box[1] + box[3]) / 2) * view.k + view.oy;
    const n = Math.min(3, f.p.rank), r = map.wall ? 17 : 12, drop = f.p.label ? r * 0.9 : 0;
    ctx.beginPath();
    ctx.arc(x, y - drop, r, 0, 7);
    ctx.fillStyle = map.c("suspect-" + n);
    ctx.fill();
    pen(map, ctx, "trace-casing", 2);
    ctx.stroke();
    ctx.font = `700 ${r * 1.2}px ${map.font}`;
    ctx.textAlign = "center";
    ctx.fillStyle = map.c(n === 3 ? "text-1" : "trace-casing");
    ctx.fillText(String(f.p.rank), x, y - drop + 0.5);
    const weight = n === 1 ? 20 : 8, room = f.p.label ? board.width(f.p.label, true, map.fs) / 2 : 0;
    board.take(x - r, y - drop - r, 2 * r, 2 * r, weight);
    board.spare(x - room, y - drop + r, 2 * room, map.fs * 1.5, weight);
    if (f.p.label) board.later(f.p.label, x, y - drop + r + map.fs * 0.75, { sides: "cb", gap: 4, bold: true, colour: "text-1" });
  }

  /** Part of the water that is polluted at a moment: places the front has passed and the tail has not.
      Each front carries the moments (park ms) at its vertices: early, middle, late, and how long the release lasted. */
  function fronts(map, ctx, view, now, band) {
    if (!now) return;
    ctx.beginPath();
    for (const f of of(map, "front")) {
      const hold = f.p.hold_ms || 0, share = { 1: 0, 2: 0.6, 3: 1 }[band];
      const first = f.p.middle.map((m, n) => m + (f.p.early[n] - m) * share);
      const last = f.p.middle.map((m, n) => m + (f.p.late[n] - m) * share + hold);
      part(ctx, view, f.rings[0], (n) => Math.min(now - first[n], last[n] - now, cut(map, f, n) - now));
    }
    ctx.stroke();
  }

  /** How long the polluted water is at the moment drawn, metres on the ground; what pages may ask. */
  twin.plumeLength = function (map) {
    const now = map.clock || twin.live.now();
    let sum = 0;
    for (const f of map.drawing ? of(map, "front") : []) {
      const r = f.rings[0], holds = (n) => Math.min(now - f.p.early[n], f.p.late[n] + (f.p.hold_ms || 0) - now, cut(map, f, n) - now);
      for (let n = 0; 2 * n + 3 < r.length; n += 1) {
        const a = holds(n), b = holds(n + 1), share = a >= 0 && b >= 0 ? 1 : a < 0 && b < 0 ? 0 : Math.max(a, b) / Math.abs(a - b);
        sum += Math.hypot(r[2 * n + 2] - r[2 * n], r[2 * n + 3] - r[2 * n + 1]) * share;
      }
    }
    return sum / (2 ** REF / (156543.034 * Math.cos((map.origin[1] * Math.PI) / 180)));
  };

  /** When the last of the plume passes a vertex, if gates are shut as the chosen scenario says. */
  function cut(map, f, n) {
    const lag = map.scenario && f.p.lag ? f.p.lag[map.scenario] : undefined;
    return lag === undefined ? Infinity : f.p.middle[n] + lag;
  }

  function ahead(map, ctx, view, now) {
    ctx.beginPath();
    for (const f of of(map, "front")) part(ctx, view, f.rings[0], (n) => Math.min(f.p.early[n] - now, cut(map, f, n) - f.p.early[n]));
    ctx.stroke();
  }

  /** Add the stretch of a line where `value` at the vertices, linear between them, is not negative. */
  function part(ctx, view, r, value) {
    const X = (n) => r[2 * n] * view.k + view.ox, Y = (n) => r[2 * n + 1] * view.k + view.oy;
    for (let n = 0; 2 * n + 3 < r.length; n += 1) {
      const a = value(n), b = value(n + 1);
      if (a < 0 && b < 0) continue;
      const s = a < 0 ? a / (a - b) : 0, e = b < 0 ? a / (a - b) : 1;
      ctx.moveTo(X(n) + (X(n + 1) - X(n)) * s, Y(n) + (Y(n + 1) - Y(n)) * s);
      ctx.lineTo(X(n) + (X(n + 1) - X(n)) * e, Y(n) + (Y(n + 1) - Y(n)) * e);
    }
  }

  /** Reaches coloured by the time from the asked point, in bands; dashed where nobody knows the direction. */
  function reaches(map, ctx, view) {
    const items = of(map, "reach");
    if (!items.length) return;
    pen(map, ctx, "trace-casing", 6.5);
    trace(ctx, view, items);
    for (const assumed of [false, true])
      for (let band = 1; band <= 5; band += 1) {
        const some = items.filter((f) => (f.p.band || 1) === band && !!f.p.assumed === assumed);
        if (!some.length) continue;
        pen(map, ctx, "iso-" + band, 3.4, assumed ? [5, 6] : [], assumed ? "butt" : "round");
        trace(ctx, view, some);
      }
    ctx.setLineDash([]);
    arrows(map, ctx, view, items, 5.4, "trace-casing", 4.6);
    arrows(map, ctx, view, items, 5.4, "trace", 2);
  }

  function arrows(map, ctx, view, items, w, colour = "trace-casing", thick = 1.8) {
    pen(map, ctx, colour, thick, [], thick > 1.8 ? "round" : "butt");
    ctx.beginPath();
    const s = w * 0.85;
    for (const f of items)
      for (const r of f.rings) {
        let since = 24;
        for (let n = 0; n + 3 < r.length; n += 2) {
          const x = r[n] * view.k + view.ox, y = r[n + 1] * view.k + view.oy;
          const dx = (r[n + 2] - r[n]) * view.k, dy = (r[n + 3] - r[n + 1]) * view.k, long = Math.hypot(dx, dy);
          if (!long) continue;
          const ux = dx / long, uy = dy / long;
          let at = 46 - since;
          for (; at <= long; at += 46) {
            const mx = x + ux * at, my = y + uy * at;
            ctx.moveTo(mx - ux * s - uy * s, my - uy * s + ux * s);
            ctx.lineTo(mx, my);
            ctx.lineTo(mx - ux * s + uy * s, my - uy * s - ux * s);
          }
          since = (since + long) % 46;
        }
      }
    ctx.stroke();
  }

  function arrival(map, ctx, view, f, board) {
    const x = f.x * view.k + view.ox, y = f.y * view.k + view.oy, r = map.wall ? 9 : 7;
    const turn = ((f.p.angle || 0) * Math.PI) / 180 + Math.PI / 2;
    pen(map, ctx, "plume-1", 2.4, [], "butt");
    ctx.beginPath();
    ctx.moveTo(x - Math.cos(turn) * r, y + Math.sin(turn) * r);
    ctx.lineTo(x + Math.cos(turn) * r, y - Math.sin(turn) * r);
    ctx.stroke();
    board.label(f.p.text, x, y, { gap: r + 3, bold: true, colour: "plume-1", sides: "trlb" });
  }

  function sample(map, ctx, view, f, board) {
    const x = f.x * view.k + view.ox, y = f.y * view.k + view.oy, r = map.wall ? 9 : 7;
    ctx.fillStyle = map.c("map-label-halo");
    pen(map, ctx, "accent", 2);
    ctx.beginPath();
    ctx.moveTo(x, y + r); // a drop
    ctx.bezierCurveTo(x - r * 1.2, y + r, x - r * 0.9, y - r * 0.1, x, y - r * 1.1);
    ctx.bezierCurveTo(x + r * 0.9, y - r * 0.1, x + r * 1.2, y + r, x, y + r);
    ctx.fill();
    ctx.stroke();
    board.take(x - r, y - r, 2 * r, 2 * r);
    if (f.p.title) board.label(f.p.title, x, y, { gap: r + 4, bold: true, colour: "accent" });
  }

  function mark(map, ctx, view, f, board) {
    const x = f.x * view.k + view.ox, y = f.y * view.k + view.oy, r = map.wall ? 8 : 6;
    pen(map, ctx, "trace-casing", 5);
    ctx.beginPath(); ctx.arc(x, y, r, 0, 7); ctx.stroke();
    pen(map, ctx, "trace", 2.2);
    ctx.stroke();
    board.take(x - r, y - r, 2 * r, 2 * r);
    if (f.p.title) board.label(f.p.title, x, y, { gap: r + 4, bold: true, colour: "text-1" });
  }
})();
