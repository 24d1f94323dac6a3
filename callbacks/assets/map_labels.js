/* Where words go on the map: each label and tag keeps a box; what would collide is moved or left out. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});

  /* What has been put where. */
  twin.LabelBoard = class {
    constructor(map, ctx, view) {
      Object.assign(this, { map, ctx, view, taken: [], texts: [], calls: [], waiting: [], spared: [] });
      this.fs = map.fs;
      // the page's own things over the map: nothing is written under them
      const base = map.element.getBoundingClientRect(), s = view.shown, zoom = twin.zoomed();
      for (const el of map.paper ? [] : map.element.parentElement.querySelectorAll(".map-legend, .wl-legend, .map-furniture, .map-buttons, .pl-bar, .em-tools")) {
        const r = el.getBoundingClientRect();
        if (r.width) this.take((r.x - base.x) / zoom + s.x0 - 4, (r.y - base.y) / zoom + s.y0 - 4, r.width / zoom + 8, r.height / zoom + 8, 30);
      }
    }
    /** Keep a box; `weight` is how much a tag would rather not cover it. */
    take(x, y, w, h, weight = 3) { this.taken.push([x, y, x + w, y + h, weight]); }
    /** Ask tags to leave a place to a label that is put there after them. */
    spare(x, y, w, h, weight) { this.spared.push([x, y, x + w, y + h, weight]); }
    /** What a tag in this box would cover, or hide by leaving the view. */
    covers(x, y, w, h) {
      const s = this.view.shown, out = x < s.x0 + 2 || y < s.y0 + 2 || x + w > s.x1 - 2 || y + h > s.y1 - 2;
      let cost = out ? 100 : 0;
      for (const list of [this.taken, this.spared])
        for (const b of list) if (x < b[2] && x + w > b[0] && y < b[3] && y + h > b[1]) cost += b[4];
      return cost;
    }
    free(x, y, w, h) {
      const s = this.view.shown;
      if (x < s.x0 + 2 || y < s.y0 + 2 || x + w > s.x1 - 2 || y + h > s.y1 - 2) return false;
      return !this.taken.some((b) => x < b[2] && x + w > b[0] && y < b[3] && y + h > b[1]);
    }
    width(text, bold, fs) {
      this.ctx.font = `${bold ? 700 : 400} ${fs}px ${this.map.font}`;
      return this.ctx.measureText(text).width;
    }
    /** Put one line of words beside a point; the first side that is free wins. */
    label(text, x, y, { gap = 8, bold = false, colour = "map-label", sides = "rltb", fs = this.fs, halo = 3.5, force = false } = {}) {
      const w = this.width(text, bold, fs), h = fs * 1.25;
      const spots = { r: [x + gap, y - h / 2], l: [x - gap - w, y - h / 2], t: [x - w / 2, y - gap - h], b: [x - w / 2, y + gap], c: [x - w / 2, y - h / 2] };
      for (const side of sides) {
        const [a, b] = spots[side];
        if (force || this.free(a, b, w, h)) {
          this.take(a - 2, b, w + 4, h);
          this.texts.push({ text, x: a, y: b + h / 2, bold, colour, fs, halo });
          return true;
        }
      }
      return false;
    }
    /** Ask for a box with a leader: [title, text, tone]. */
    call(x, y, title, text, tone, reach = 12) { this.calls.push({ x, y, title, text, tone, reach }); }
    /** Put a label after all tags are placed. */
    later(...label) { this.waiting.push(label); }
    tags() {
      const s = this.view.shown;
      for (const call of this.calls)
        if (call.x > s.x0 && call.x < s.x1 && call.y > s.y0 && call.y < s.y1) placeTag(this, call);
      for (const label of this.waiting) this.label(...label);
    }
    flush() {
      const ctx = this.ctx, c = this.map.c;
      ctx.lineJoin = "round";
      ctx.textAlign = "left";
      for (const t of this.texts) {
        ctx.font = `${t.bold ? 700 : 400} ${t.fs}px ${this.map.font}`;
        if (t.turn) { ctx.save(); ctx.translate(t.x, t.y); ctx.rotate(t.turn); ctx.textAlign = "center"; ctx.letterSpacing = "2px"; }
        const x = t.turn ? 0 : t.x, y = t.turn ? 0 : t.y;
        if (t.halo) { ctx.strokeStyle = c("map-label-halo"); ctx.lineWidth = t.halo; ctx.strokeText(t.text, x, y); }
        ctx.fillStyle = c(t.colour);
        ctx.fillText(t.text, x, y);
        if (t.turn) ctx.restore();
      }
    }
  };

  /* ---- tags: a box with a leader, near its point, over no canal and no other box ---- */
  function placeTag(board, call) {
    const { ctx, map, view } = board, fs = map.fs, pad = fs * 0.6;
    const w = Math.max(board.width(call.title, true, fs), board.width(call.text, true, fs)) + 2 * pad + 3;
    const h = (call.text ? 2 : 1) * fs * 1.32 + pad;
    let best = null, least = Infinity;
    const unit = map.wall ? 1.3 : 1;
    for (const far of [34, 62, 96, 140, 190])
      for (const turn of [-0.6, 0.6, 2.5, -2.5, 0, 3.14, -1.57, 1.57, -1.1, 1.1, 2.0, -2.0]) {
        const cx = call.x + Math.cos(turn) * (far * unit + w / 2), cy = call.y + Math.sin(turn) * (far * unit + h / 2);
        const x = cx - w / 2, y = cy - h / 2;
        let cost = far / 60;
        if (cost >= least) continue;
        cost += board.covers(x, y, w, h);
        if (cost < least) cost += 2 * crossings(map, view, x, y, w, h);
        if (cost < least) { least = cost; best = [x, y]; }
      }
    if (!best) return;
    const [x, y] = best.map(Math.round);
    board.take(x - 4, y - 4, w + 8, h + 8, 30);
    const colour = { hot: "lv-warning", critical: "lv-critical", alarm: "lv-alarm", warning: "lv-warning", watch: "lv-watch" }[call.tone];
    const nx = Math.max(x, Math.min(call.x, x + w)), ny = Math.max(y, Math.min(call.y, y + h));
    const long = Math.hypot(nx - call.x, ny - call.y) || 1, start = Math.min(call.reach, long);
    ctx.strokeStyle = map.c(colour || "text-2");
    ctx.lineWidth = 1.3;
    ctx.beginPath();
    ctx.moveTo(call.x + ((nx - call.x) * start) / long, call.y + ((ny - call.y) * start) / long);
    ctx.lineTo(nx, ny);
    ctx.stroke();
    ctx.fillStyle = map.c("surface-1");
    ctx.fillRect(x, y, w, h);
    const loud = call.tone === "hot" || call.tone === "critical";
    ctx.strokeStyle = map.c(loud ? colour : "line-3");
    ctx.lineWidth = loud ? 2 : 1;
    ctx.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    if (colour && !loud) { ctx.fillStyle = map.c(colour); ctx.fillRect(x, y, 3, h); }
    const line = (text, n, bold, ink) => {
      ctx.font = `${bold ? 700 : 400} ${fs}px ${map.font}`;
      ctx.fillStyle = map.c(ink);
      ctx.textAlign = "left";
      ctx.fillText(text, x + pad + 2, y + pad / 2 + fs * 1.32 * (n + 0.5));
    };
    line(call.title, 0, true, "text-1");
    if (call.text) line(call.text, 1, loud, loud ? colour + "-text" : "text-2");
  }

  /** How many canal reaches a box lies over. */
  function crossings(map, view, x, y, w, h) {
    let count = 0;
    for (const f of map.data.network) {
      if (f.p.system !== "canal") continue;
      const r = f.rings[0];
      for (let n = 0; n + 3 < r.length; n += 2) {
        const mx = ((r[n] + r[n + 2]) / 2) * view.k + view.ox, my = ((r[n + 1] + r[n + 3]) / 2) * view.k + view.oy;
        if (mx > x - 6 && mx < x + w + 6 && my > y - 6 && my < y + h + 6) { count += 1; break; }
      }
    }
    return Math.min(count, 4);
  }
})();
