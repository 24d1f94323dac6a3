"""What assets/plume.js says; the frame brings it to every page."""

from __future__ import annotations

from geodata.words import Text

WORDS: dict[str, Text] = {
    "plume.slider": Text("污染团时刻", "Moment of the plume"),
    "plume.play": Text("播放污染团", "Play the plume"),
    "plume.stop": Text("停", "Stop"),
    "plume.now": Text("回到现在", "Now"),
    "plume.ahead": Text("预测 {t}　尚未发生", "Predicted {t}: not yet so"),
    "plume.behind": Text("回看 {t}　按溯源推算", "Back at {t}: as traced"),
    "plume.long": Text("此时污染水体长约 {n} km", "{n} km of water polluted then"),
    "plume.what": Text("假如", "If"),
}
