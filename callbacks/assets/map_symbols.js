/* The sheet of what changes: outlets, stations, gates, the page's drawing, and every label.
   Order of placing labels: tags, gates, stations that are not normal, works, water, enterprises; one that would
   collide is left out, never shrunk. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const FAR = 11.75, PATCH = 34; // farther than this zoom, stations within so many px are drawn as one
  const RANK = { offline: 0.5, normal: 0, watch: 2, warning: 3, alarm: 4, critical: 5 };

  twin.paintSymbols = function (map, ctx, view) {
    if (!map.named) return;
    const { dpr } = view;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    ctx.textBaseline = "middle";
    const board = new twin.LabelBoard(map, ctx, view), cloud = map.layers.station !== false && map.cloud;
    if (cloud) cloud.paintDots(ctx, view); // writes pixels over whatever is there: first of all
    if (map.drawing) twin.paintDrawing(map, ctx, view, board);
    if (map.layers.receptor !== false) receptors(map, ctx, view, board);
    if (map.layers.outlet !== false) outlets(map, ctx, view);
    const stations = map.layers.station !== false ? paintStations(map, ctx, view, board) : [];
    if (cloud) cloud.paintMarks(ctx, view, board);
    if (map.layers.gate !== false) gates(map, ctx, view, board);
    if (map.drawing) twin.paintPins(map, ctx, view, board);
    board.tags();
    if (map.layers.gate !== false) gateLabels(map, view, board);
    stationLabels(map, view, board, stations);
    if (map.layers.facility !== false) names(map, view, board, [...map.facilitiesAt, ...map.poolsAt.filter((f) => f.p.level === 2)], "strong");
    if (map.layers.canal !== false) waters(map, view, board);
    if (map.layers.receptor !== false) names(map, view, board, map.receptorsAt, "dim");
    if (map.layers.enterprise !== false) enterprises(map, view, board);
    outletLabels(map, view, board);
    marked(map, ctx, view, board);
    board.flush();
  };

  const at = (view, f) => [f.x * view.k + view.ox, f.y * view.k + view.oy];
  const say = (f) => f.p[twin.lang !== "zh" ? "en" : "zh"] || f.p.zh || f.p.id;
  twin.say = say;

  /* ---- symbols ---- */
  function outlets(map, ctx, view) {
    if (view.zoom < 13) return;
    const r = view.zoom >= 15 ? 2.6 : map.wall ? 2.2 : 1.7;
    for (const [kind, colour] of [["wastewater", "map-pipe"], ["rain", "map-rain"]]) {
      ctx.fillStyle = map.c(colour);
      ctx.beginPath();
      for (const f of map.outletsAt) {
        if (f.p.kind !== kind) continue;
        const [x, y] = at(view, f);
        ctx.moveTo(x + r, y);
        ctx.arc(x, y, r, 0, 7);
      }
      ctx.fill();
    }
  }

  function paintStations(map, ctx, view, board) {
    const list = map.stationsAt.map((f) => ({ f, level: map.live.level(f.p.id) }));
    list.sort((a, b) => RANK[a.level] - RANK[b.level]);
    // beside an incident, what does not belong to it steps back
    const calm = map.drawing && map.drawing.items.some((f) => f.p.kind === "alarm") ? 0.72 : 1;
    const small = map.wall ? 15 : view.zoom >= 14.5 ? 13 : 11.5, big = (map.wall ? 24 : 18) * calm;
    for (const it of list) [it.x, it.y] = at(view, it.f);
    const shown = (map.shown = view.zoom < FAR ? gathered(list, view) : list);
    for (const it of shown) {
      const quiet = it.level === "normal" || it.level === "offline";
      it.size = quiet ? (it.level === "offline" ? small * 1.1 : small) : it.level === "critical" ? big * 1.15 : big;
      if (it.members && it.members.length > 1) it.size *= 1.4;
      twin.glyph(ctx, map.c, it.level, it.x, it.y, it.size);
      const r = quiet ? small * 0.3 : it.size / 2;
      board.take(it.x - r, it.y - r, 2 * r, 2 * r, quiet ? 0.3 : calm < 1 ? 0.6 : 2);
    }
    return shown;
  }

  /** Seen from far, stations that would lie upon one another are one symbol: the worst of them, and how many. */
  function gathered(list, view) {
    const patches = new Map();
    for (const it of list) { // from well to worst
      const key = Math.floor((it.f.x * view.k) / PATCH) + "/" + Math.floor((it.f.y * view.k) / PATCH), had = patches.get(key);
      patches.set(key, { ...it, members: had ? [...had.members, it.f] : [it.f] });
    }
    return [...patches.values()].sort((a, b) => RANK[a.level] - RANK[b.level]);
  }

  function gates(map, ctx, view, board) {
    const half = Math.max(map.wall ? 12 : 9, (map.canalPx || 6) * 0.9, 0.75 * 40 * view.ppm * 0.5);
    for (const f of map.gatesAt) {
      const [x, y] = at(view, f), [position, word] = map.live.gate(f.p.id);
      twin.gateSymbol(ctx, map.c, x, y, f.p.angle, Math.min(half, 26), word, position);
      f.half = Math.min(half, 26);
      board.take(x - f.half, y - f.half, 2 * f.half, 2 * f.half);
    }
  }

  function receptors(map, ctx, view, board) {
    const r = map.wall ? 7 : 5.5;
    ctx.lineWidth = 1.8;
    for (const f of map.receptorsAt) {
      const [x, y] = at(view, f);
      ctx.fillStyle = map.c("map-label-halo");
      ctx.strokeStyle = map.c("map-reclaimed");
      ctx.beginPath(); ctx.rect(x - r, y - r, 2 * r, 2 * r); ctx.fill(); ctx.stroke();
      ctx.fillStyle = map.c("map-reclaimed");
      ctx.beginPath(); ctx.arc(x, y, r * 0.36, 0, 7); ctx.fill();
      board.take(x - r, y - r, 2 * r, 2 * r);
    }
  }

  function marked(map, ctx, view, board) {
    for (const [key, loud] of [[map.hovered, false], [map.selected, true]]) {
      if (!key) continue;
      const [layer, id] = [key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)];
      if (layer === "link") { if (loud) lit(map, ctx, view, id); continue; }
      const f = map.place(key);
      if (!f) continue;
      const parcel = layer === "enterprise" ? map.parcelOf.get(id) : f.parcel;
      ctx.strokeStyle = map.c("accent");
      ctx.lineWidth = loud ? 2 : 1.3;
      const [x, y] = at(view, f), r = layer === "gate" ? (f.half || 10) + 4 : layer === "outlet" ? 7 : 12;
      ctx.beginPath();
      if (parcel) outline(ctx, view, parcel.rings[0]);
      else ctx.arc(x, y, r, 0, 7);
      ctx.stroke();
      if (!parcel)
        board.label((layer === "station" ? f.p.id + " " : layer === "gate" ? f.p.id + " " : "") + say(f), x, y, { gap: r + 4, bold: true, colour: "text-1", force: loud, sides: "rltb" });
    }
  }

  function lit(map, ctx, view, id) {
    const f = map.links.get(id);
    if (!f) return;
    ctx.strokeStyle = map.c("accent");
    ctx.lineWidth = 3;
    ctx.beginPath(); outline(ctx, view, f.rings[0], false); ctx.stroke();
  }

  function outline(ctx, view, r, close = true) {
    for (let n = 0; n < r.length; n += 2) {
      const x = r[n] * view.k + view.ox, y = r[n + 1] * view.k + view.oy;
      n ? ctx.lineTo(x, y) : ctx.moveTo(x, y);
    }
    if (close) ctx.closePath();
  }
  twin.outline = outline;

  /* ---- labels ---- */
  function gateLabels(map, view, board) {
    const w = twin.words || {};
    const tagged = new Set((map.drawing ? map.drawing.items : []).filter((f) => f.p.kind === "close").map((f) => f.p.gate));
    for (const f of map.gatesAt) {
      if (tagged.has(f.p.id)) continue;
      const [x, y] = at(view, f), [position, word] = map.live.gate(f.p.id);
      if (view.zoom < 12.25 && word === "open") continue;
      let text = f.p.id;
      if (word === "moving" && position !== null) text += " " + twin.fill(w.moving, { n: Math.round(100 * (1 - position)) });
      if (word === "failed") text += " " + (w.failed || "");
      board.label(text, x, y, { gap: (f.half || 10) + 3, bold: true, colour: word === "failed" ? "lv-alarm-text" : "text-1", sides: "rtlb" });
    }
  }

  function worst(map, f) {
    let best = null;
    for (const [code, zh, en, unit, decimals] of f.p.factors || []) {
      const p = map.live.point(f.p.id + "/" + code);
      if (!p || RANK[p.level] < 2 || (best && RANK[best.level] >= RANK[p.level])) continue;
      best = { level: p.level, text: `${twin.lang !== "zh" ? en : zh} ${twin.number(p.value, decimals)}${unit ? " " + unit : ""}` };
    }
    return best;
  }

  function stationLabels(map, view, board, list) {
    const drawn = new Set((map.drawing ? map.drawing.items : []).filter((f) => f.p.kind === "alarm").map((f) => f.p.station));
    if (drawn.size) return; // an incident's own stations carry tags; the others keep their symbol
    for (const it of [...list].reverse()) {
      const loud = RANK[it.level] >= 2;
      if (it.members && it.members.length > 1) {
        board.label("×" + it.members.length, it.x, it.y, { gap: it.size / 2 + 3, bold: loud, colour: loud ? "text-1" : "text-3", sides: "rltb" });
        continue;
      }
      if (!loud && (view.zoom < 15.5 || map.options.labels === "quiet")) continue;
      const detail = loud ? worst(map, it.f) : null;
      const text = loud ? it.f.p.id + " " + say(it.f) + (detail && !map.wall ? "  " + detail.text : "") : it.f.p.id;
      board.label(text, it.x, it.y, { gap: it.size / 2 + 5, bold: loud, colour: loud ? "text-1" : "text-3", sides: "rltb" });
    }
  }
  twin.worst = worst;

  function names(map, view, board, list, tone) {
    if (view.zoom < (tone === "strong" ? 12.25 : 12.75)) return;
    const pinned = new Set((map.drawing ? map.drawing.items : []).map((f) => f.p.title));
    for (const f of list) {
      if (pinned.has(say(f))) continue;
      let [x, y] = at(view, f);
      const strong = tone === "strong";
      if (f.parcel) {
        const box = bounds(f.parcel.rings[0]);
        if ((box[2] - box[0]) * view.k < board.width(say(f), true, map.fs) * 0.8) continue;
        [x, y] = [((box[0] + box[2]) / 2) * view.k + view.ox, ((box[1] + box[3]) / 2) * view.k + view.oy];
      }
      board.label(say(f), x, y, { gap: strong ? 2 : 10, bold: strong, colour: strong ? "text-1" : "map-label", sides: strong ? "cbt" : "rltb" });
    }
  }

  function enterprises(map, view, board) {
    const suspects = new Set((map.drawing ? map.drawing.items : []).filter((f) => f.p.kind === "suspect").map((f) => f.p.enterprise));
    const quiet = map.options.labels === "quiet" && !map.drawing;
    for (const f of map.enterprisesAt) {
      if (quiet || suspects.has(f.p.id)) continue;
      const parcel = map.parcelOf.get(f.p.id), en = twin.lang !== "zh";
      let [x, y] = at(view, f), room = Infinity;
      if (parcel) {
        const box = bounds(parcel.rings[0]);
        x = ((box[0] + box[2]) / 2) * view.k + view.ox;
        y = ((box[1] + box[3]) / 2) * view.k + view.oy;
        room = (box[2] - box[0]) * view.k;
      }
      const text = (en ? f.p.short_en : f.p.short_zh) || say(f);
      if (board.width(text, false, map.fs) > room - 8) continue;
      board.label(text, x, y, { sides: "ctb", gap: 2 });
    }
  }

  function outletLabels(map, view, board) {
    if (map.layers.outlet === false || view.zoom < 15.75) return;
    for (const f of map.outletsAt) {
      if (f.p.kind === "crossing") continue;
      const [x, y] = at(view, f);
      board.label(f.p.code, x, y, { gap: 6, colour: f.p.kind === "rain" ? "map-rain" : "map-pipe" });
    }
  }

  function bounds(r) {
    const b = [Infinity, Infinity, -Infinity, -Infinity];
    for (let n = 0; n < r.length; n += 2) {
      b[0] = Math.min(b[0], r[n]); b[1] = Math.min(b[1], r[n + 1]);
      b[2] = Math.max(b[2], r[n]); b[3] = Math.max(b[3], r[n + 1]);
    }
    return b;
  }

  /** Names of water: characters set upright along the line, far apart; words of a Latin script turned with it. */
  function waters(map, view, board) {
    for (const f of map.data.plots) {
      if (f.p.layer !== "label") continue;
      const text = twin.lang !== "zh" ? f.p.en ?? f.p.name_en ?? f.p.text_en : f.p.zh ?? f.p.name_zh ?? f.p.text_zh;
      if (!text) continue;
      const kind = f.p.kind || "canal", sea = kind === "sea" || kind === "bay";
      const colour = sea ? "map-sea-text" : kind === "road" ? "text-3" : "map-canal-text";
      if (kind === "road" && (view.zoom < 15 || map.options.labels === "quiet")) continue;
      if (view.zoom < 12.5 && !sea) continue;
      if (f.kind === "point") {
        const [x, y] = at(view, f), turn = ((f.p.angle || 0) * Math.PI) / 180;
        if (sea || kind === "road") board.label(text, x, y, { sides: "c", colour, halo: sea ? 0 : 3, fs: sea ? map.fs * 1.15 : map.fs });
        else along(map, board, text, x, y, -turn, colour);
      } else if (f.rings.length) {
        const spot = middle(f.rings[0], view);
        if (spot) along(map, board, text, spot[0], spot[1], spot[2], colour);
      }
    }
  }

  function along(map, board, text, x, y, turn, colour) {
    let t = turn;
    while (t > Math.PI / 2 + 0.01) t -= Math.PI;
    while (t < -Math.PI / 2 - 0.01) t += Math.PI;
    if (twin.lang !== "zh") {
      const w = board.width(text, false, map.fs) + 2 * text.length, s = Math.abs(Math.sin(t)), c = Math.abs(Math.cos(t));
      const bw = w * c + map.fs * s, bh = w * s + map.fs * c;
      if (!board.free(x - bw / 2, y - bh / 2, bw, bh)) return;
      board.take(x - bw / 2, y - bh / 2, bw, bh);
      board.texts.push({ text, x, y, bold: false, colour, fs: map.fs, halo: 3, turn: t || 1e-6 });
      return;
    }
    if (Math.abs(t) > Math.PI / 3.2 && t < 0) t += Math.PI; // downwards
    const gap = map.fs * 1.9, n = text.length, chars = [...text];
    const spots = chars.map((ch, i) => [x + Math.cos(t) * gap * (i - (n - 1) / 2), y + Math.sin(t) * gap * (i - (n - 1) / 2)]);
    const h = map.fs;
    if (!spots.every(([a, b]) => board.free(a - h / 2, b - h / 2, h, h))) return;
    spots.forEach(([a, b], i) => {
      board.take(a - h / 2, b - h / 2, h, h);
      board.texts.push({ text: chars[i], x: a - board.width(chars[i], false, map.fs) / 2, y: b, bold: false, colour, fs: map.fs, halo: 3 });
    });
  }

  /** Middle and direction of the longest part of a line that is on the screen. */
  function middle(r, view) {
    const s = view.shown;
    let run = [], best = [], length = 0, most = 0;
    const end = () => { if (length > most) { most = length; best = run; } run = []; length = 0; };
    for (let n = 0; n < r.length; n += 2) {
      const x = r[n] * view.k + view.ox, y = r[n + 1] * view.k + view.oy;
      const px = n ? r[n - 2] * view.k + view.ox : x, py = n ? r[n - 1] * view.k + view.oy : y;
      const steps = Math.max(1, Math.ceil(Math.hypot(x - px, y - py) / 40));
      for (let i = n ? 1 : 0; i <= (n ? steps : 0); i += 1) {
        const a = n ? px + ((x - px) * i) / steps : x, b = n ? py + ((y - py) * i) / steps : y;
        if (a < s.x0 || a > s.x1 || b < s.y0 || b > s.y1) { end(); continue; }
        if (run.length) length += Math.hypot(a - run[run.length - 1][0], b - run[run.length - 1][1]);
        run.push([a, b]);
      }
    }
    end();
    if (best.length < 2 || most < 90) return null;
    const m = Math.floor(best.length / 2), p = best[Math.max(0, m - 2)], q = best[Math.min(best.length - 1, m + 2)];
    return [best[m][0], best[m][1], Math.atan2(q[1] - p[1], q[0] - p[0])];
  }
})();
