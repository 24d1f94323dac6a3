"""`make bench`: every bench, one line of JSON each."""

from __future__ import annotations

import json

from tests.bench import codec
from twin import bench_ingest
from twin.config import load

POINTS, SECONDS, SOCKETS = 208_490, 60, 2000


def main() -> None:
    """Run them one after the other; a line is printed as soon as it is known."""
    print(json.dumps(codec.measure()), flush=True)
    print(json.dumps(bench_ingest.run(load(), POINTS, SECONDS, SOCKETS)), flush=True)


if __name__ == "__main__":
    main()
