"""`python -m tests.fuzz [--inputs 1000000] [--seed 1]`: one line of JSON, or the input that broke it."""

from __future__ import annotations

import argparse
import json

from tests.fuzz.hj212 import run

words = argparse.ArgumentParser()
words.add_argument("--inputs", type=int, default=1_000_000)
words.add_argument("--seed", type=int, default=1)
options = words.parse_args()
print(json.dumps(run(options.inputs, options.seed)))
