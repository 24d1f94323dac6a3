"""Reads what a person would read from a tree of components."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def walk(node: Any) -> Iterator[Any]:
    """Every component of a tree, from the root down."""
    if node is None or isinstance(node, str | int | float):
        return
    if isinstance(node, list | tuple):
        for child in node:
            yield from walk(child)
        return
    yield node
    yield from walk(getattr(node, "children", None))


def text(node: Any) -> str:
    """All words of a tree, with a blank between components."""
    if node is None:
        return ""
    if isinstance(node, str | int | float):
        return str(node)
    if isinstance(node, list | tuple):
        return " ".join(filter(None, map(text, node)))
    return text(getattr(node, "children", None))


def classed(node: Any, name: str) -> list[Any]:
    """Components that carry a class."""
    return [n for n in walk(node) if name in str(getattr(n, "className", "") or "").split()]


def prop(node: Any, name: str) -> Any:
    """A property of a component, wildcards (data-, aria-) too; None where it has none."""
    return node.to_plotly_json()["props"].get(name)
