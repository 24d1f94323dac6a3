/* Marks of the administration pages: what a check found, what differs between two versions, what is picked.
   Each has a sign as well as a colour. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const TONES = {
    note: ["lv-watch", "i"], changed: ["lv-warning", "~"], moved: ["lv-watch", "↔"], warning: ["lv-alarm", "?"],
    added: ["lv-normal", "+"], removed: ["lv-critical", "−"], error: ["lv-critical", "!"], picked: ["accent", ""],
  };
  const ORDER = Object.keys(TONES);
  const SIGNED = 400; // more marks than this on screen are dots
  const items = (map) => map.drawing.items.filter((f) => f.p.kind === "mark").sort((a, b) => ORDER.indexOf(a.p.tone) - ORDER.indexOf(b.p.tone));

  function stroke(map, ctx, view, f, colour, width, dash) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.setLineDash(dash);
    ctx.lineCap = "round";
    ctx.beginPath();
    for (const r of f.rings) twin.outline(ctx, view, r, f.kind === "area");
    ctx.stroke();
    ctx.setLineDash([]);
  }

  twin.paintMarkLines = function (map, ctx, view) {
    for (const f of items(map)) {
      if (f.kind === "point" || f.kind === "none") continue;
      const [name] = TONES[f.p.tone] || TONES.note, big = f.p.tone === "picked";
      stroke(map, ctx, view, f, map.c("map-label-halo"), big ? 10 : 6, []);
      stroke(map, ctx, view, f, map.c(name), big ? 6 : 3.2, f.p.tone === "removed" ? [7, 5] : []);
    }
  };

  twin.paintMarks = function (map, ctx, view, board) {
    const seen = [];
    for (const f of items(map)) {
      if (f.kind === "none") continue;
      const r = f.rings[0], n = f.kind === "point" ? 0 : 2 * Math.floor(r.length / 4);
      const x = r[n] * view.k + view.ox, y = r[n + 1] * view.k + view.oy;
      if (x > -20 && y > -20 && x < view.w + 20 && y < view.h + 20) seen.push([f, x, y]);
    }
    for (const [f, x, y] of seen) {
      const [name, sign] = TONES[f.p.tone] || TONES.note, picked = f.p.tone === "picked";
      const size = picked ? 13 : seen.length > SIGNED ? 3.5 : 8.5;
      ctx.beginPath();
      ctx.arc(x, y, size, 0, 7);
      if (picked) {
        ctx.lineWidth = 3;
        ctx.strokeStyle = map.c(name);
        ctx.stroke();
        board.take(x - size, y - size, 2 * size, 2 * size, 30);
        if (f.p.title) board.label(f.p.title, x, y, { gap: size + 4, bold: true, colour: "text-1" });
        continue;
      }
      ctx.fillStyle = map.c(name);
      ctx.fill();
      ctx.lineWidth = 1.5;
      ctx.strokeStyle = map.c("map-label-halo");
      ctx.stroke();
      if (size < 6) continue;
      ctx.fillStyle = map.c("map-label-halo");
      ctx.font = `700 12px ${map.font}`;
      ctx.textAlign = "center";
      ctx.fillText(sign, x, y + 0.5);
      board.take(x - size, y - size, 2 * size, 2 * size, 6);
    }
  };
})();
