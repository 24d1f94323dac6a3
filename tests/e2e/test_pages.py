"""Every page in both languages at every size: nothing untranslated, nothing cut off, nothing out of reach.

Cut off: text wider than its box without an ellipsis, a page that scrolls sideways, a button past the edge.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.e2e.house import house
from tests.e2e.screen import Screen, Site, browser, screen

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
SIGN_IN = "/login"
PATHS = (
    *(
        "/wall",
        "/atlas",
        "/enterprise/E19",
        "/enterprise/E19?view=all",
        "/emergency",
        "/readings/S33/w01018/1",
    ),
    "/admin",
    *(f"/admin?tab={key}" for key in ("import", "check", "versions", "fingerprints", "stations", "doors")),
    SIGN_IN,
)
SIZES = ((1920, 1080), (3840, 2160), (1180, 820))
TABLET = SIZES[-1]
CHINESE = re.compile("[\u4e00-\u9fff]")
# Of a table the rows and the heads come late.
READY = (
    "() => ![...document.querySelectorAll('.content [aria-busy]')].some((e) => e.checkVisibility())"
    " && (!document.querySelector('.en-grid') || document.querySelector('.en-grid .ag-row'))"
    " && [...document.querySelectorAll('.ag-header-row')].every(r => r.children.length)"
)
SEEN = "{ visibilityProperty: true, opacityProperty: true }"
TEXTS = (
    """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walk.nextNode()) {
    const at = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
    if (text && !/^(SCRIPT|STYLE)$/.test(at.tagName) && at.checkVisibility(SEEN)) found.push(text);
  }
  return found;
}"""
).replace("SEEN", SEEN)
CUT = (
    """() => {
  const cut = [], wide = document.scrollingElement.scrollWidth;
  if (wide > innerWidth + 1) cut.push('the page is ' + wide + ' px wide');
  for (const e of document.querySelectorAll('body *')) {
    if (!e.checkVisibility(SEEN) || e.closest('svg, .js-plotly-plot, .leaflet-container')) continue;
    const style = getComputedStyle(e), own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const name = e.tagName + '.' + e.className + ' ' + (e.innerText || '').slice(0, 40);
    if (own && /hidden|clip/.test(style.overflowX) && style.textOverflow !== 'ellipsis'
        && e.clientWidth > 1 && e.clientHeight > 1 && e.scrollWidth > e.clientWidth + 1)
      cut.push('cut: ' + name);
    if (/^(BUTTON|A|INPUT|SELECT)$/.test(e.tagName)) {
      const box = e.getBoundingClientRect();
      if (box.width && (box.left < -1 || box.right > innerWidth + 1)) cut.push('out of reach: ' + name);
    }
  }
  return cut;
}"""
).replace("SEEN", SEEN)


SMALL = (
    """() => [...document.querySelectorAll('button, summary, select, input, .btn, .nav-a, .lnk')]
  .filter((e) => {
    if (!e.checkVisibility(SEEN) || e.closest('[inert]')) return false;
    if (/^(checkbox|radio|file)$/.test(e.type)) return false;
    const box = (e.closest('.dash-input-container') || e).getBoundingClientRect();
    const around = parseFloat(getComputedStyle(e, '::after').height) || 0;
    return box.width > 1 && Math.max(box.height, around) < 43;
  })
  .map((e) => `small for a finger: ${e.tagName}.${e.className} ${(e.innerText || '').slice(0, 40)}`)"""
).replace("SEEN", SEEN)


def english() -> set[str]:
    """Every English wording of the program that differs from a Chinese one."""
    found = set()
    paths = [
        path for name in ("callbacks", "layers", "twin", "geodata") for path in (ROOT / name).rglob("*.py")
    ]
    for node in (node for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8")))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text"):
            continue
        zh, en = [*(a.value if isinstance(a, ast.Constant) else "" for a in node.args), "", ""][:2]
        if CHINESE.search(str(zh)) and len(str(en)) > 3:
            found.add(str(en))
    return found


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    """A web role with an incident under way."""
    with house(incident=True) as it:
        yield it.web


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as it:
        yield it


def _open(it: Screen, web: Site, path: str) -> None:
    it.page.goto(web.url + path)
    if path != SIGN_IN:
        it.page.wait_for_function("() => window.twin && twin.live.points && !twin.live.stale")
        it.page.wait_for_selector(".content > *")
        it.page.wait_for_function(READY)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_reads_well(chromium: Browser, web: Site, lang: str, size: tuple[int, int]) -> None:
    # Names of accounts are names, and a language is offered by its own name: they stay as they are.
    known = english() - {"viewer", "admin", "English"} if lang == "zh" else set()
    faults = []
    with screen(chromium, *size, has_touch=size == TABLET) as it:
        it.page.context.add_cookies([{"name": "lang", "value": lang, "url": web.url}])
        # The longest name of all in the header; the way in is on the sign-in page.
        told: dict[str, str | float | bool] = {"user": "admin", "password": "demo-admin"}
        assert it.page.context.request.post(f"{web.url}/login", form=told).ok
        for path in PATHS:
            _open(it, web, path)
            said = it.page.evaluate(TEXTS)
            strange = (
                known & set(said) if lang == "zh" else {t for t in said if CHINESE.search(t)} - {"中", "中文"}
            )
            faults += [f"{path} untranslated: {text}" for text in sorted(strange)]
            faults += [f"{path} {cut}" for cut in it.page.evaluate(CUT)]
            if size == TABLET and path != "/wall":  # which nobody touches
                faults += [f"{path} {small}" for small in it.page.evaluate(SMALL)]
        assert it.wrong == []
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_serious_finding(chromium: Browser, web: Site, theme: str) -> None:
    grave = []
    with screen(chromium) as it:
        it.page.context.add_cookies([{"name": "theme", "value": theme, "url": web.url}])
        for path in PATHS:
            _open(it, web, path)
            grave += [
                (path, v["id"], v["impact"], [node["target"][0] for node in v["nodes"]][:5])
                for v in Axe().run(it.page).response["violations"]
                if v["impact"] in ("serious", "critical")
            ]
        assert it.wrong == []
    assert not grave, "\n".join(map(str, grave))
