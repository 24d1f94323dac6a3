"""Ids find their positions, and only theirs."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata.ids import Ids

# A numpy text cannot end in NUL, and no id does.
names = st.text(st.characters(exclude_characters="\0"), max_size=6)


@given(st.lists(names, unique=True), names)
def test_it_is_a_dict_of_positions(ids: list[str], other: str) -> None:
    found, want = Ids(ids), {name: i for i, name in enumerate(ids)}
    assert dict(found) == want
    assert len(found) == len(want)
    assert (other in found) == (other in want)
    assert found.get(other) == want.get(other)


@given(st.lists(names, min_size=1, unique=True), st.data())
def test_an_id_used_twice_is_refused(ids: list[str], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(ids))
    with pytest.raises(ValueError, match="used twice"):
        Ids([*ids, twice])


def test_an_id_longer_than_any_is_not_there() -> None:
    found = Ids(np.array(["a", "bb"]))
    assert "bbb" not in found
    with pytest.raises(KeyError, match="bbb"):
        found["bbb"]


def test_it_goes_to_a_process_that_hashes_otherwise() -> None:
    sent = pickle.dumps(Ids(["a", "b"]))
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer)['b'])"
    run = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert run.stdout == b"1\n"
