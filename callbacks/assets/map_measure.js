/* Measuring on the map: points set by hand, the length along them, and the ground they enclose.
   Lengths and areas are true ones on WGS 84, whatever the map is drawn in. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const A = 6378137, E2 = 0.00669437999014; // WGS 84
  const rad = Math.PI / 180;

  /** Metres a degree of latitude and of longitude are long at a latitude. */
  function degree(lat) {
    const s = Math.sin(lat * rad), w = 1 - E2 * s * s;
    return [(rad * A * (1 - E2)) / (w * Math.sqrt(w)), (rad * A * Math.cos(lat * rad)) / Math.sqrt(w)];
  }

  /** Metres from one point to another, [lon, lat] each; good to a millimetre in a kilometre over a park. */
  function metres(a, b) {
    const [north, east] = degree((a[1] + b[1]) / 2);
    return Math.hypot((b[0] - a[0]) * east, (b[1] - a[1]) * north);
  }
  const length = (points) => points.reduce((sum, p, n) => sum + (n ? metres(points[n - 1], p) : 0), 0);

  /** Square metres within a ring of points. */
  function area(points) {
    const mid = points.reduce((sum, p) => sum + p[1], 0) / (points.length || 1), [north, east] = degree(mid);
    let twice = 0;
    points.forEach((p, n) => {
      const q = points[(n + 1) % points.length];
      twice += (p[0] - points[0][0]) * (q[1] - points[0][1]) - (q[0] - points[0][0]) * (p[1] - points[0][1]);
    });
    return (Math.abs(twice) / 2) * north * east;
  }

  const sayLength = (m) => (m < 1000 ? `${twin.number(m, m < 100 ? 1 : 0)} m` : `${twin.number(m / 1000, 2)} km`);
  const sayArea = (m2) => (m2 < 10000 ? `${twin.number(m2, 0)} m²` : `${twin.number(m2 / 10000, m2 < 1e6 ? 2 : 1)} ha`);

  class Measure {
    constructor(map) {
      Object.assign(this, { map, points: [], at: null, done: false, off: [] });
      this.sheet = new twin.MapSheet((ctx, view) => this.paint(ctx, view), { pane: "symbols", owner: map }).addTo(map.map);
      this.box = L.DomUtil.create("div", "map-measured", map.element);
      this.box.setAttribute("role", "status");
      this.button("true");
      map.map.doubleClickZoom.disable();
      map.map.getContainer().classList.add("is-measuring");
      const keys = (event) => this.key(event);
      document.addEventListener("keydown", keys, true);
      this.off.push(() => document.removeEventListener("keydown", keys, true));
      this.say();
    }

    button(on) {
      const found = this.map.element.querySelector(".map-measure");
      if (found) found.setAttribute("aria-pressed", on);
    }

    /** A click sets a point; one on the last point, as the second of a double click is, ends the line. */
    click(event) {
      if (this.done) Object.assign(this, { points: [], done: false });
      const last = this.points[this.points.length - 1];
      if (last && this.map.map.latLngToContainerPoint(this.there(last)).distanceTo(event.containerPoint) < 5) this.end();
      else this.points.push(this.map.back(event.latlng.lng, event.latlng.lat));
      this.say();
    }
    move(event) { this.at = event ? this.map.back(event.latlng.lng, event.latlng.lat) : null; this.say(); }
    end() { this.done = this.points.length > 1; this.at = null; this.say(); }
    there(p) { const [x, y] = this.map.there(...p); return [y, x]; }

    key(event) {
      if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
      if (event.key === "Escape") this.close();
      else if (event.key === "Enter") this.end();
      else if (event.key === "Backspace") { this.points.pop(); this.done = false; this.say(); }
      else return;
      event.preventDefault();
      event.stopPropagation();
    }

    close() {
      for (const stop of this.off) stop();
      this.map.map.removeLayer(this.sheet);
      this.box.remove();
      this.button("false");
      this.map.map.doubleClickZoom.enable();
      this.map.map.getContainer().classList.remove("is-measuring");
      this.map.tool = null;
    }

    /** The points, and the place of the pointer while the line is not ended. */
    get line() { return this.at && !this.done && this.points.length ? [...this.points, this.at] : this.points; }

    say() {
      const line = this.line, w = twin.words || {}, parts = [];
      if (line.length < 2) parts.push(w["measure.begin"]);
      else {
        parts.push(twin.fill(w["measure.length"], { n: sayLength(length(line)) }));
        if (line.length > 2) parts.push(twin.fill(w["measure.area"], { n: sayArea(area(line)) }));
      }
      const [what, keys] = [document.createElement("b"), document.createElement("span")];
      what.textContent = parts.join(" · ");
      keys.textContent = w["measure.keys"] || "";
      this.box.replaceChildren(what, keys);
      this.sheet.soon();
    }

    paint(ctx, view) {
      const { map } = this, line = this.line;
      ctx.setTransform(view.dpr, 0, 0, view.dpr, 0, 0);
      const spots = line.map((p) => { const [x, y] = map.xy(...p); return [x * view.k + view.ox, y * view.k + view.oy]; });
      if (!spots.length) return;
      const draw = (list, colour, width, dash) => {
        ctx.beginPath();
        list.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
        ctx.strokeStyle = map.c(colour);
        ctx.lineWidth = width;
        ctx.setLineDash(dash);
        ctx.stroke();
        ctx.setLineDash([]);
      };
      ctx.lineJoin = ctx.lineCap = "round";
      if (spots.length > 2) {
        ctx.beginPath();
        spots.forEach(([x, y], n) => (n ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
        ctx.fillStyle = map.c("accent-soft");
        ctx.fill();
        draw([spots[spots.length - 1], spots[0]], "accent", 1.5, [2, 5]);
      }
      draw(spots, "map-label-halo", 5, []);
      draw(spots, "accent", 2.4, []);
      ctx.textBaseline = "middle";
      ctx.textAlign = "left";
      ctx.font = `700 ${map.fs}px ${map.font}`;
      spots.forEach(([x, y], n) => {
        ctx.beginPath(); ctx.arc(x, y, 4, 0, 7);
        ctx.fillStyle = map.c("map-label-halo"); ctx.fill();
        ctx.strokeStyle = map.c("accent"); ctx.lineWidth = 2; ctx.stroke();
        if (!n) return;
        const text = sayLength(length(line.slice(0, n + 1)));
        ctx.strokeStyle = map.c("map-label-halo"); ctx.lineWidth = 4; ctx.strokeText(text, x + 9, y - 9);
        ctx.fillStyle = map.c("text-1"); ctx.fillText(text, x + 9, y - 9);
      });
    }
  }

  twin.measure = {
    length, area,
    toggle: (map) => { if (map.tool) map.tool.close(); else map.tool = new Measure(map); },
  };
})();
