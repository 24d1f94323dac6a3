/* What lies on a map for hands and eyes: buttons, north arrow, scale bar, keys. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const STEPS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000];
  const word = (name) => (twin.words || {})[name] || "";

  /** The longest round distance that fits into `room` px: [metres, px, text]. */
  twin.scaleBar = function (zoom, latitude, room) {
    const ppm = 2 ** zoom / (156543.034 * Math.cos((latitude * Math.PI) / 180));
    const metres = STEPS.filter((m) => m * ppm <= room).pop() || STEPS[0];
    return [metres, metres * ppm, metres < 1000 ? `${metres} m` : `${metres / 1000} km`];
  };

  /** Buttons: nearer, farther, the whole park; where the page wants tools, measuring and a picture. */
  twin.mapButtons = function (map) {
    const box = L.DomUtil.create("div", "map-buttons", map.element);
    const acts = [["+", "nearer", () => map.map.zoomIn(1)], ["−", "farther", () => map.map.zoomOut(1)], ["⌂", "whole", () => map.fit("park", true)]];
    if (map.options.tools) acts.push(["measure", "measure", () => twin.measure.toggle(map)], ["picture", "picture", () => twin.savePicture(map)]);
    for (const [sign, name, act] of acts) {
      const button = L.DomUtil.create("button", sign.length > 1 ? `map-${sign}` : "", box);
      button.type = "button";
      if (sign.length === 1) button.textContent = sign;
      button.dataset.act = name;
      button.title = word(name);
      button.setAttribute("aria-label", button.title);
      button.addEventListener("click", () => { act(); button.blur(); });
    }
    if (!map.options.tools) return;
    const keys = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
      const act = { m: "measure", p: "picture", h: "whole" }[event.key.toLowerCase()];
      if (!act || !map.element.isConnected) return;
      event.preventDefault();
      box.querySelector(`[data-act=${act}]`).click();
    };
    document.addEventListener("keydown", keys);
    map.off.push(() => document.removeEventListener("keydown", keys));
  };

  twin.mapFurniture = function (map) {
    const box = L.DomUtil.create("div", "map-furniture", map.element);
    box.innerHTML = '<div class="map-north"><svg viewBox="0 0 16 24" aria-hidden="true"><path d="M8 0L14 22L8 17L2 22Z"/></svg><span></span></div><div class="map-scale"><i></i><span></span></div>';
    const bar = box.querySelector("i"), text = box.querySelector(".map-scale span");
    const draw = () => {
      if (!map.origin) return;
      box.querySelector(".map-north span").textContent = word("north");
      const [, wide, say] = twin.scaleBar(map.map.getZoom(), map.origin[1], map.wall ? 140 : 100);
      bar.style.width = Math.round(wide) + "px";
      text.textContent = say;
    };
    map.map.on("zoomend moveend", draw);
    draw();
  };
})();
