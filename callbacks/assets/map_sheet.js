/* One canvas of the map: how it follows the view, and when it is drawn anew. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});

  /* A canvas as wide as the view and a bit. While the view moves or zooms, what is drawn moves and scales with it
     at no cost; it is drawn anew when the movement pauses, or when its edge or its scale would show too long. */
  const PAUSE_MS = 140, EDGE_MS = 45, LONG_MS = 450, BIG_PX = 5e6;
  /** How much larger than its own pixels the page is shown: a wall on a screen of more pixels (wall.js). */
  twin.zoomed = () => document.documentElement.currentCSSZoom || 1;
  twin.MapSheet = L.Renderer.extend({
    initialize(paint, options) {
      this._paint = paint;
      L.Renderer.prototype.initialize.call(this, options);
    },
    getEvents() {
      const events = { viewreset: this._follow, zoom: this._follow, moveend: this._later };
      if (this._zoomAnimated) events.zoomanim = this._onAnimZoom;
      return events;
    },
    _initContainer() {
      this._container = document.createElement("canvas");
      const alpha = !this.options.ground || !!this.options.owner.options.tiles;
      this._ctx = this._container.getContext("2d", { alpha });
      if (!alpha) this._container.style.visibility = "hidden"; // black until it is painted
    },
    _destroyContainer() {
      clearTimeout(this._timer);
      L.Util.cancelAnimFrame(this._due);
      L.DomUtil.remove(this._container);
      delete this._container;
    },
    _updatePaths() {},
    /** Put what is drawn where it belongs in the present view. */
    _follow() {
      this._updateTransform(this._map.getCenter(), this._map.getZoom());
      this._later();
    },
    _later() {
      clearTimeout(this._timer);
      if (!this._map || !this._bounds) return;
      const same = this._zoom === this._map.getZoom() && this._covers();
      const wait = performance.now() - (this._drawn || 0) > LONG_MS && !same ? 0 : same ? PAUSE_MS : EDGE_MS;
      this._timer = setTimeout(() => this._update(), wait);
    },
    /** Does the drawing still cover the view? */
    _covers() {
      const min = this._map.containerPointToLayerPoint([0, 0]), size = this._map.getSize(), b = this._bounds;
      return b.min.x <= min.x && b.min.y <= min.y && b.max.x >= min.x + size.x && b.max.y >= min.y + size.y;
    },
    _update() {
      if (!this._map || (this._map._animatingZoom && this._bounds)) return;
      const shown = this._map.getSize(), dpr = Math.min((window.devicePixelRatio || 1) * twin.zoomed(), 3);
      this.options.padding = !this.options.owner.options.interactive ? 0 : shown.x * shown.y * dpr * dpr > BIG_PX ? 0.1 : 0.2;
      L.Renderer.prototype._update.call(this);
      const size = this._bounds.getSize();
      const w = Math.round(size.x * dpr), h = Math.round(size.y * dpr);
      if (this._container.width !== w) this._container.width = w;
      if (this._container.height !== h) this._container.height = h;
      this._container.style.width = size.x + "px";
      this._container.style.height = size.y + "px";
      L.DomUtil.setPosition(this._container, this._bounds.min);
      this._dpr = dpr;
      this.draw();
      this._drawn = performance.now();
    },
    /** Draw now, for the bounds of the last move. */
    draw() {
      if (!this._map || !this._bounds) return;
      const size = this._bounds.getSize(), ctx = this._ctx;
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      if (!this.options.ground) ctx.clearRect(0, 0, this._container.width, this._container.height);
      const view = this.options.owner.frame(this._zoom, this._bounds.min, size, this._dpr, this._origin());
      if (!view) return;
      this._paint(ctx, view);
      this._container.style.visibility = "";
    },
    /** Pixel origin that the drawn bounds are measured from; kept, because a reset moves the map's own. */
    _origin() {
      const now = this._map.getPixelOrigin();
      if (this._zoom === this._map.getZoom()) this._kept = { bounds: this._bounds, origin: now };
      return this._kept && this._kept.bounds === this._bounds ? this._kept.origin : now;
    },
    /** Draw once at the next frame, however often this is asked; a moving map is left alone until it pauses. */
    soon() {
      if (this._due) return;
      this._due = L.Util.requestAnimFrame(() => {
        this._due = null;
        if (!this._map || this._map._animatingZoom) return;
        if (this._zoom !== this._map.getZoom()) { this._later(); return; }
        this.draw();
      });
    },
  });
})();
