"""What stops an enterprise's water at its own end: valves of rain outlets, pump and valve of its line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from geodata.places import Device, DeviceKind, Enterprise, Outlet, OutletKind
from geodata.words import Text

FIRST_UNIT = 101  # of the controllers that also work the gates
BY_HAND_EVERY = 8  # one enterprise in so many has a rain valve that people turn
WHAT = {
    DeviceKind.RAIN_VALVE: (Text("{f} 雨水排口阀", "{f} rain-outlet valve"), "V", 90.0, 0.03),
    DeviceKind.PIPE_VALVE: (Text("{f} 专管阀", "{f} line valve"), "V", 60.0, 0.02),
    DeviceKind.PUMP: (Text("{f} 外排泵", "{f} line pump"), "P", 10.0, 0.0),
}


def devices(enterprises: Sequence[Enterprise], outlets: Iterable[Outlet]) -> tuple[Device, ...]:
    """Return the demo park's devices; a line's pump and valve also stop what leaks at its crossings."""
    firms = {e.id: (k, e) for k, e in enumerate(enterprises, 1)}
    every = sorted(outlets, key=lambda o: o.id)
    lines: dict[str, tuple[str, ...]] = {}
    for o in every:
        if o.kind is not OutletKind.RAIN:
            lines[o.enterprise] = (*lines.get(o.enterprise, ()), o.id)
    found: list[Device] = []
    for o in every:
        if o.kind is OutletKind.CROSSING:
            continue
        rain = o.kind is OutletKind.RAIN
        number, firm = firms[o.enterprise]
        kinds = (DeviceKind.RAIN_VALVE,) if rain else (DeviceKind.PUMP, DeviceKind.PIPE_VALVE)
        for kind in kinds:
            name, letter, stroke_s, leakage = WHAT[kind]
            found.append(
                Device(
                    id=f"{o.id}-{letter}",
                    name=name.fill(f=firm.short),
                    kind=kind,
                    enterprise=o.enterprise,
                    outlets=(o.id,) if rain else lines[o.enterprise],
                    x=o.x,
                    y=o.y,
                    remote=not rain or number % BY_HAND_EVERY != BY_HAND_EVERY - 2,
                    stroke_s=stroke_s,
                    leakage=leakage,
                    phone=firm.phone,
                    normal_position=1.0,
                    modbus_unit=FIRST_UNIT + len(found),
                )
            )
    return tuple(found)
