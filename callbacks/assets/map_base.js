/* A base map of the park's own tiles below the park. Tiles cut from AMap or Tencent lie in GCJ-02, from Baidu in BD-09:
   while they are shown, and only on the screen, everything is shifted as they are; what is picked is told in WGS 84 as ever. */
(function () {
  "use strict";
  const twin = (window.twin = window.twin || {});
  const A = 6378245, EE = 0.006693421622965943; // Krassovsky, as the published shift has it
  const sin = (v) => Math.sin(v * Math.PI);

  function shift(lon, lat) {
    if (lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271) return [lon, lat];
    const x = lon - 105, y = lat - 35, root = Math.sqrt(Math.abs(x)), ripple = 20 * sin(6 * x) + 20 * sin(2 * x);
    const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
      + (2 / 3) * (ripple + 20 * sin(x) + 40 * sin(x / 3) + 150 * sin(x / 12) + 300 * sin(x / 30));
    const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
      + (2 / 3) * (ripple + 20 * sin(y) + 40 * sin(y / 3) + 160 * sin(y / 12) + 320 * sin(y / 30));
    const phi = (lat * Math.PI) / 180, w = 1 - EE * Math.sin(phi) ** 2;
    return [
      lon + ((east * Math.sqrt(w)) / (A * Math.cos(phi))) * (180 / Math.PI),
      lat + ((north * w * Math.sqrt(w)) / (A * (1 - EE))) * (180 / Math.PI),
    ];
  }

  /** Baidu shifts what is shifted already. */
  function twice(lon, lat) {
    const [x, y] = shift(lon, lat), wave = (3000 * Math.PI) / 180;
    const radius = Math.hypot(x, y) + 2e-5 * Math.sin(y * wave), angle = Math.atan2(y, x) + 3e-6 * Math.cos(x * wave);
    return [radius * Math.cos(angle) + 0.0065, radius * Math.sin(angle) + 0.006];
  }

  /** Undo a shift: each round gains two digits or more, so six leave less than a millimetre. */
  const undo = (there) => (lon, lat) => {
    let x = lon, y = lat;
    for (let n = 0; n < 6; n += 1) {
      const [u, v] = there(x, y);
      x += lon - u;
      y += lat - v;
    }
    return [x, y];
  };

  const same = (lon, lat) => [lon, lat];
  const ways = { "GCJ-02": [shift, undo(shift)], "BD-09": [twice, undo(twice)] };
  /** How true positions and those on the screen belong together: [there, back]. */
  twin.datum = (name) => ways[name] ?? [same, same];

  /** Name the base map's makers beside it, as plain words: a file may hold anything. */
  function named(map, credit) {
    const text = new DOMParser().parseFromString(credit, "text/html").body.textContent.trim();
    const old = map.element.querySelector(".map-credit");
    if (old) old.remove();
    map.options.credit = text;
    if (text) L.DomUtil.create("div", "map-credit", map.element).textContent = text;
  }

  /** Show or hide the tiles below a map, and the park where they have it. */
  twin.baseMap = function (map, on) {
    const tiles = map.options.tiles;
    if (!tiles || on === !!map.tiles) return;
    const { layers, zooms, credit } = map.options.base || { layers: ["under"], zooms: [3, 18], credit: "" };
    const how = { minZoom: zooms[0], maxNativeZoom: zooms[1], maxZoom: 20 };
    if (on) map.tiles = L.layerGroup(layers.map((name) => L.tileLayer(`/tiles/${name}/{z}/{x}/{y}.png`, how))).addTo(map.map);
    else { map.map.removeLayer(map.tiles); map.tiles = null; }
    named(map, on ? credit : "");
    map.project(on ? tiles : "WGS 84");
  };
})();
