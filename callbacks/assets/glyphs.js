/* The seven level symbols and the gate, as canvas paths: the same shapes as the style sheet's, centred on x, y. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});

  const poly = (ctx, points) => {
    ctx.beginPath();
    points.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.closePath();
  };

  /** Draw a level's symbol; `s` is its height in px, `c` reads a token. */
  twin.glyph = function (ctx, c, level, x, y, s) {
    const r = s / 2, halo = () => { ctx.lineWidth = 2; ctx.strokeStyle = c("map-label-halo"); ctx.stroke(); };
    ctx.fillStyle = ctx.strokeStyle = c("lv-" + level);
    ctx.lineJoin = "round";
    if (level === "normal") {
      ctx.beginPath(); ctx.arc(x, y, r * 0.52, 0, 7); halo(); ctx.fill();
    } else if (level === "watch") {
      ctx.beginPath(); ctx.arc(x, y, r * 0.92, 0, 7); ctx.fillStyle = c("map-label-halo"); ctx.fill(); halo();
      ctx.strokeStyle = ctx.fillStyle = c("lv-watch");
      ctx.lineWidth = r * 0.27; ctx.beginPath(); ctx.arc(x, y, r * 0.8, 0, 7); ctx.stroke();
      ctx.beginPath(); ctx.arc(x, y, r * 0.34, 0, 7); ctx.fill();
    } else if (level === "warning") {
      poly(ctx, [[x, y - r], [x + r, y + r * 0.82], [x - r, y + r * 0.82]]); halo(); ctx.fill();
    } else if (level === "alarm") {
      poly(ctx, [[x, y - r], [x + r, y], [x, y + r], [x - r, y]]); halo(); ctx.fill();
    } else if (level === "critical") {
      const a = r * 0.42;
      poly(ctx, [[x - a, y - r], [x + a, y - r], [x + r, y - a], [x + r, y + a], [x + a, y + r], [x - a, y + r], [x - r, y + a], [x - r, y - a]]);
      halo(); ctx.fill();
      ctx.fillStyle = c("lv-critical-on");
      poly(ctx, [[x - r * 0.15, y - r * 0.62], [x + r * 0.15, y - r * 0.62], [x + r * 0.1, y + r * 0.16], [x - r * 0.1, y + r * 0.16]]); ctx.fill();
      ctx.fillRect(x - r * 0.14, y + r * 0.32, r * 0.28, r * 0.28);
    } else {
      ctx.beginPath(); ctx.arc(x, y, r * 0.62, 0, 7); ctx.fillStyle = c("map-label-halo"); ctx.fill();
      ctx.strokeStyle = c("lv-offline"); ctx.lineWidth = Math.max(1.4, r * 0.22); ctx.stroke();
      ctx.beginPath(); ctx.moveTo(x - r * 0.62, y + r * 0.62); ctx.lineTo(x + r * 0.62, y - r * 0.62); ctx.stroke();
    }
  };

  /** Draw a gate across its canal: posts when open, a bar when closed, a bar that fills while it moves.
      `angle` is the canal's, degrees counter-clockwise from east; `half` half the bar's length in px. */
  twin.gateSymbol = function (ctx, c, x, y, angle, half, state, position) {
    const w = Math.max(5, half * 0.42), post = w;
    const edge = state === "moving" ? c("gate-moving") : state === "failed" ? c("gate-failed") : state === "unknown" ? c("lv-offline") : c("gate-open");
    ctx.save();
    ctx.translate(x, y);
    ctx.rotate((-angle * Math.PI) / 180 + Math.PI / 2); // now x runs across the canal
    ctx.lineWidth = 1.6;
    ctx.fillStyle = c("map-label-halo");
    ctx.strokeStyle = c("map-label-halo");
    ctx.lineJoin = "miter";
    const box = (a, b, solid) => {
      ctx.beginPath(); ctx.rect(a, -w / 2, b - a, w);
      ctx.lineWidth = 4; ctx.strokeStyle = c("map-label-halo"); ctx.stroke();
      ctx.fillStyle = solid ? edge : c("map-label-halo"); ctx.fill();
      ctx.lineWidth = 1.6; ctx.strokeStyle = edge; ctx.stroke();
    };
    if (state === "closed") box(-half, half, true);
    else if (state === "moving" || state === "part") {
      box(-half, half, false);
      const shut = 1 - (position === null || position === undefined ? 0.5 : position);
      ctx.fillStyle = edge; ctx.fillRect(-half, -w / 2, 2 * half * shut, w);
    } else { box(-half, -half + post, false); box(half - post, half, false); }
    if (state === "failed" || state === "unknown") {
      ctx.strokeStyle = edge; ctx.lineWidth = 2.2;
      ctx.beginPath();
      if (state === "failed") { ctx.moveTo(-half * 0.75, -half * 0.6); ctx.lineTo(half * 0.75, half * 0.6); ctx.moveTo(half * 0.75, -half * 0.6); ctx.lineTo(-half * 0.75, half * 0.6); }
      else { ctx.moveTo(-half * 0.55, half * 0.55); ctx.lineTo(half * 0.55, -half * 0.55); }
      ctx.stroke();
    }
    ctx.restore();
  };
})();
