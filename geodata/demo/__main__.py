"""`python -m geodata.demo` writes the demo park; `python -m twin.hydraulics.flowfield` adds its flows."""

from __future__ import annotations

import sys

from geodata import park as park_file
from geodata.demo.build import build


def main() -> None:
    """Build and write the demo park, keeping the old flow field if the links are the same."""
    made = build()
    path = park_file.demo_path()
    if path.exists():
        made = park_file.keep_flow_field(made, park_file.read(path))
    park_file.write(made, path)
    sys.stdout.write(f"{path.name} {park_file.content_hash(made)[:12]}\n")


if __name__ == "__main__":
    main()
