/* The map as a picture to put in a report: drawn anew in light colours and fine enough for paper, with title, moment,
   legend, north arrow, scale bar and where it came from. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const FINE = 2, PAD = 28, HEAD = 76, FOOT = 46, SIDE = 236, ROW = 25;

  /** Run `fn` with the colours of paper; the map keeps its own. */
  function onPaper(map, fn) {
    const probe = document.createElement("div"), kept = map.c;
    probe.className = "park-map";
    probe.dataset.theme = "light";
    probe.hidden = true;
    document.body.append(probe);
    const style = getComputedStyle(probe), cache = {};
    map.paper = true;
    map.c = (name) => (cache[name] ??= style.getPropertyValue("--" + name).trim());
    try { return fn(); } finally {
      map.c = kept;
      map.paper = false;
      probe.remove();
      if (map.cloud) map.cloud.laid = null;
      map.scenery.soon();
      map.symbols.soon();
    }
  }

  /** Draw what the map shows now; `ctx` begins at the picture's place for it. */
  function park(map, w, h) {
    const canvas = document.createElement("canvas");
    canvas.width = w * FINE;
    canvas.height = h * FINE;
    const corner = map.map.containerPointToLayerPoint([0, 0]), origin = map.map.getPixelOrigin();
    const view = map.frame(map.map.getZoom(), corner, L.point(w, h), FINE, origin), under = canvas.getContext("2d");
    under.fillStyle = map.c("map-land");
    under.fillRect(0, 0, canvas.width, canvas.height);
    if (map.tiles) for (const img of map.map.getPane("tilePane").querySelectorAll("img.leaflet-tile-loaded")) {
      const r = img.getBoundingClientRect(), base = map.element.getBoundingClientRect();
      under.drawImage(img, (r.x - base.x) * FINE, (r.y - base.y) * FINE, r.width * FINE, r.height * FINE);
    }
    for (const paint of [twin.paintScenery, twin.paintSymbols, map.tool ? (_, c, v) => map.tool.paint(c, v) : null]) {
      if (!paint) continue;
      const sheet = document.createElement("canvas");
      sheet.width = canvas.width;
      sheet.height = canvas.height;
      paint(map, sheet.getContext("2d"), view);
      under.setTransform(1, 0, 0, 1, 0, 0);
      under.drawImage(sheet, 0, 0);
    }
    return canvas;
  }

  const KEYS = {
    gate: (ctx, c, x, y) => twin.gateSymbol(ctx, c, x, y, 90, 9, "open", 1),
    outlet: (ctx, c, x, y) => { disc(ctx, x - 4, y, 3, c("map-pipe")); disc(ctx, x + 5, y, 3, c("map-rain")); },
    receptor: (ctx, c, x, y) => { ctx.strokeStyle = c("map-reclaimed"); ctx.lineWidth = 1.6; ctx.strokeRect(x - 5, y - 5, 10, 10); disc(ctx, x, y, 2, c("map-reclaimed")); },
    canal: (ctx, c, x, y) => line(ctx, x, y, c("map-canal"), 7),
    rain: (ctx, c, x, y) => line(ctx, x, y, c("map-rain"), 1.6, [5, 3]),
    pipe: (ctx, c, x, y) => line(ctx, x, y, c("map-pipe"), 1.6),
    rack: (ctx, c, x, y) => line(ctx, x, y, c("map-rack"), 4),
    plot: (ctx, c, x, y) => { ctx.fillStyle = c("map-parcel"); ctx.strokeStyle = c("map-parcel-line"); ctx.lineWidth = 1; ctx.fillRect(x - 9, y - 6, 18, 12); ctx.strokeRect(x - 9, y - 6, 18, 12); },
  };
  function disc(ctx, x, y, r, colour) { ctx.fillStyle = colour; ctx.beginPath(); ctx.arc(x, y, r, 0, 7); ctx.fill(); }
  function line(ctx, x, y, colour, width, dash = []) {
    ctx.strokeStyle = colour; ctx.lineWidth = width; ctx.setLineDash(dash); ctx.lineCap = "butt";
    ctx.beginPath(); ctx.moveTo(x - 11, y); ctx.lineTo(x + 11, y); ctx.stroke(); ctx.setLineDash([]);
  }

  /** What the legend says: levels with their counts, then the layers that are on, under their names on the page. */
  function legend(map) {
    const w = twin.words || {}, counts = (twin.live.kpi && !twin.live.stale && twin.live.kpi.levels) || [], rows = [];
    twin.live.LEVELS.forEach((level, n) => rows.unshift([
      (ctx, c, x, y) => twin.glyph(ctx, c, level, x, y, 14), w["level." + level], counts.length ? String(counts[n]) : "—",
    ]));
    const head = [null, w["picture.stations"], ""];
    const layers = [...document.querySelectorAll(`[data-map-layer][data-map="${map.id}"]`)]
      .filter((b) => KEYS[b.dataset.mapLayer] && map.layers[b.dataset.mapLayer] !== false)
      .map((b) => [KEYS[b.dataset.mapLayer], b.textContent, ""]);
    return map.layers.station === false ? layers : [head, ...rows, ...(layers.length ? [[null, w["picture.layers"], ""], ...layers] : [])];
  }

  function writer(map, ctx) {
    return (text, x, y, { size = 13, bold = false, colour = "text-1", align = "left" } = {}) => {
      ctx.font = `${bold ? 700 : 400} ${size}px ${map.font}`;
      ctx.textAlign = align;
      ctx.textBaseline = "middle";
      ctx.fillStyle = map.c(colour);
      ctx.fillText(text, x, y);
    };
  }

  function side(map, ctx, x, y) {
    const write = writer(map, ctx);
    for (const [key, text, count] of legend(map)) {
      if (!key) { y += 8; write(text, x, y, { bold: true }); y += ROW; continue; }
      ctx.lineJoin = "miter";
      key(ctx, map.c, x + 12, y);
      write(text, x + 34, y);
      if (count) write(count, x + SIDE - PAD, y, { bold: true, align: "right" });
      y += ROW;
    }
  }

  function northAndScale(map, ctx, x, y) {
    const [, wide, text] = twin.scaleBar(map.map.getZoom(), map.origin[1], 150), write = writer(map, ctx);
    ctx.fillStyle = map.c("text-1");
    ctx.beginPath();
    for (const [a, b] of [[0, -20], [9, 12], [0, 5], [-9, 12]]) ctx.lineTo(x + 12 + a, y - 52 + b);
    ctx.fill();
    write((twin.words || {}).north || "", x + 34, y - 52, { bold: true });
    ctx.strokeStyle = map.c("text-1");
    ctx.lineWidth = 1.6;
    ctx.beginPath();
    ctx.moveTo(x, y - 6); ctx.lineTo(x, y); ctx.lineTo(x + wide, y); ctx.lineTo(x + wide, y - 6);
    ctx.stroke();
    write(text, x + wide + 8, y - 4);
  }

  /** Return the picture as a canvas. */
  twin.mapPicture = (map) => onPaper(map, () => {
    const { x: w, y: h } = map.map.getSize(), words = twin.words || {}, canvas = document.createElement("canvas");
    const wide = w + SIDE + 3 * PAD, high = Math.max(h, 560) + HEAD + FOOT;
    canvas.width = wide * FINE;
    canvas.height = high * FINE;
    const ctx = canvas.getContext("2d"), write = writer(map, ctx);
    ctx.scale(FINE, FINE);
    ctx.fillStyle = map.c("surface-1");
    ctx.fillRect(0, 0, wide, high);
    const park_name = document.querySelector(".brand b"), live = twin.live, now = live.now();
    const when = now ? `${twin.stamp(now)} ${twin.utc(now)}` : "—";
    write(park_name ? park_name.textContent : "", PAD, HEAD / 2, { size: 24, bold: true });
    write(twin.fill(words["picture.moment"], { n: when }), wide - PAD, HEAD / 2 - (live.held || (live.kpi && live.kpi.drill) ? 10 : 0), { size: 15, align: "right" });
    if (live.kpi && live.kpi.drill) write(words["picture.drill"], wide - PAD, HEAD / 2 + 13, { size: 14, bold: true, colour: "lv-sim-text", align: "right" });
    else if (live.held) write(words["picture.past"], wide - PAD, HEAD / 2 + 13, { size: 14, bold: true, align: "right" });
    ctx.drawImage(park(map, w, h), PAD, HEAD, w, h);
    ctx.strokeStyle = map.c("line-3");
    ctx.lineWidth = 1;
    ctx.strokeRect(PAD + 0.5, HEAD + 0.5, w - 1, h - 1);
    side(map, ctx, w + 2 * PAD, HEAD + 4);
    northAndScale(map, ctx, w + 2 * PAD, HEAD + Math.max(h, 560) - 10);
    const age = live.stale ? words["picture.stale"] : "";
    const source = [twin.fill(words["picture.source"], { v: map.options.version }), map.tiles && map.options.credit, age].filter(Boolean);
    write(source.join(" · "), PAD, high - FOOT / 2, { size: 12, colour: "text-2" });
    return canvas;
  });

  /** Save the picture under the park's name and moment. */
  twin.savePicture = async function (map) {
    const canvas = twin.mapPicture(map), now = twin.live.now() || Date.now();
    const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const name = (document.querySelector(".brand b") || {}).textContent || "park", link = document.createElement("a");
    const stamp = twin.stamp(now).replace(/[: ]/g, "-");
    link.href = URL.createObjectURL(blob);
    link.download = `${name}-${stamp}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
})();
