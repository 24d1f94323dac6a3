"""Codes that carry their own check: unified social credit codes and equipment numbers."""

from __future__ import annotations

import re

# GB 32100-2015: digits and capitals without I, O, S, V, Z; the place of a character is its value.
CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CREDIT_CHARS = 18
_MN = re.compile(r"[0-9A-Fa-f]{24}|[0-9A-Za-z]{14}")


def credit_check(code: str) -> str | None:
    """Return the check character that a unified social credit code must end with.

    Returns
    -------
    str or None
        None if the code has not 18 characters of the alphabet.

    References
    ----------
    GB 32100-2015: sum of value times 3**i modulo 31 over the first 17 characters, subtracted from 31.
    """
    if len(code) != CREDIT_CHARS or any(c not in CREDIT_ALPHABET for c in code):
        return None
    total = sum(CREDIT_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code[:-1]))
    return CREDIT_ALPHABET[(31 - total % 31) % 31]


def is_mn(code: str) -> bool:
    """Whether a text can be an MN: 24 hex digits (HJ 212-2017) or 14 letters and digits (HJ/T 212-2005)."""
    return _MN.fullmatch(code) is not None
