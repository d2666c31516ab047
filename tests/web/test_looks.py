"""Every page in every size and colour: nobody is shut out, nothing runs out of the window."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it ships no types
from playwright.sync_api import Page, expect

from gate.flow.caller import Role
from tests.shipped import ROOT
from tests.web.site import Site

WIDTHS = (320, 390, 768, 1280)
STATIC = ROOT / "gate/web/static"
TEXTS = {".css", ".js", ".svg"}
RULES = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    # What holds is not described: to carry that over took longer than to find it out.
    "resultTypes": ["violations"],
}
COLOURS = {
    **RULES,
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


def _addresses(site: Site) -> Iterator[str]:
    """One of each page, with something on it."""
    waiting = site.submit(
        "Looked at from all sides", description="What it does.\nAnd why.", impact="A short pause."
    )
    done = site.pass_alone("Looked at and done")
    site.deploy(done)
    revision = site.get("/v1/policies")["items"][0]["revision"]
    yield from ("/?q=looked", "/?q=is:decided+looked", "/?q=nothing+has+these+words")
    yield from (f"/changes/{waiting['id']}", f"/changes/{done['id']}?view=compact")
    yield from (
        f"/changes/{waiting['id']}?view=raw",
        f"/changes/{waiting['id']}/decisions/1",
        "/log",
        "/log?outcome=pending&q=looked",
    )
    yield from (
        "/sightings",
        "/calendar",
        "/calendar/windows",
        "/calendar/windows?stop=yes",
        "/reviews",
        "/calendar?view=week&service=web&environment=production",
        "/policies",
        "/policies/rules/production/size",
    )
    yield from (
        f"/policies/{revision}",
        "/insights?service=web&environment=staging",
        "/insights?days=365",
        "/weekly",
        "/weekly/waits?week=2026-W40",
        "/triage",
        "/services/web",
        "/services/chekout",
        "/administration",
        "/reports",
        "/reports/by-policy-revision",
        "/controls",
        "/authority",
        "/authority?service=web&environment=production",
        "/observations",
        "/scorecard",
        "/improvements",
        f"/backtests?candidate={revision}",
        "/no-such-page",
    )


@pytest.mark.slow
def test_no_page_breaks_a_rule_of_accessibility(site: Site) -> None:
    """Every rule in light colours, and then those about colours in dark ones."""
    found: dict[str, list[str]] = {}
    with site.as_person("ada", Role.ADMIN, color_scheme="light") as page:
        for address in _addresses(site):
            page.goto(site.gate.url + address)
            _open_all(page)
            violations = Axe().run(page, options=RULES).response["violations"]
            page.emulate_media(color_scheme="dark")
            violations += page.evaluate("options => axe.run(options)", COLOURS)["violations"]
            page.emulate_media(color_scheme="light")
            if violations:
                found[address] = [
                    f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in violations
                ]
    site.session("ada")

    assert found == {}


def test_a_dark_page_differs_by_its_colours_alone() -> None:
    texts = {file.name: file.read_text() for file in STATIC.iterdir() if file.suffix in TEXTS}
    dark = re.findall(
        r"@media \(prefers-color-scheme: dark\) \{\n  :root \{\n(.*?)\n  \}\n\}",
        texts["gate.css"],
        re.DOTALL,
    )

    assert sum(text.count("prefers-color-scheme") for text in texts.values()) == len(dark) == 1
    assert [
        line for line in dark[0].splitlines() if not re.fullmatch(r" +--[\w-]+: .+;", line)
    ] == []


@pytest.mark.slow
def test_no_page_scrolls_sideways_and_every_button_is_in_the_window(site: Site) -> None:
    wrong: list[str] = []
    with site.as_person("ada", Role.ADMIN) as page:
        for address in _addresses(site):
            page.goto(site.gate.url + address)
            _open_all(page)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    wrong.append(f"{address} is {wide} wide in a window of {width}")
                outside = page.evaluate(_OUTSIDE, width)
                wrong += [f"{address}: {text} at a width of {width}" for text in outside]
    site.session("ada")

    assert wrong == []


def test_on_a_phone_the_strip_takes_two_lines(site: Site) -> None:
    with site.as_person("ada", viewport={"width": 390, "height": 800}) as page:
        page.goto(site.gate.url)
        height = page.evaluate(_HEIGHT_OF_A_BUSY_STRIP)

    assert 0 < height < 2.5 * 28


def test_no_script_knows_how_wide_the_window_is() -> None:
    """So a page that becomes narrow is the one that was opened in a narrow window."""
    known = r"innerWidth|clientWidth|matchMedia|ResizeObserver|resize|screen\."
    files = [*STATIC.glob("*.js"), *(ROOT / "gate/web/templates").rglob("*.html")]

    assert len(files) > 10
    assert [file.name for file in files if re.search(known, file.read_text())] == []


def test_a_page_says_times_in_the_viewers_zone_with_utc_beside(site: Site) -> None:
    change = site.submit("What time is it")
    with site.as_person("ada", timezone_id="Asia/Kathmandu") as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        time = page.locator(".change-head time")
        expect(time).to_contain_text(" UTC)")
        assert change["submitted_at"][11:16] in time.inner_text()
        assert not time.inner_text().startswith(change["submitted_at"][11:16])


def _open_all(page: Page) -> None:
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


_HEIGHT_OF_A_BUSY_STRIP = """() => {
  const strip = document.getElementById("strip");
  strip.querySelector(".lamps").innerHTML = `<li class="lamp partly"><a>Production: <strong>3 of 12
    <span class="fine">services</span> frozen</strong><span class="fine">, the last until</span></a>
    <a class="then fine">freezes Fri 15:00</a> <a class="then fine">11 held</a></li>
    <li class="lamp urgent">1 emergency</li><li class="lamp urgent">1 review overdue</li>`;
  return strip.offsetHeight;
}"""

_OUTSIDE = """width => [...document.querySelectorAll("button, a.button, summary, .top nav a")]
  .filter(one => !one.closest(".scroll") && one.offsetParent !== null)
  .map(one => [one, one.getBoundingClientRect()])
  .filter(([one, box]) => box.width > 0 && (box.left < 0 || box.right > width))
  .map(([one]) => one.textContent.trim().slice(0, 40))"""


def test_what_scrolls_can_be_reached_by_the_keyboard() -> None:
    """Whether a table is wider than the window depends on what is in it, so a browser only
    sometimes finds this.
    """
    lines = [
        line
        for file in (ROOT / "gate/web/templates").rglob("*.html")
        for line in file.read_text().splitlines()
        if re.search(r'<div class="[^"]*\bscroll\b', line)
    ]

    assert len(lines) > 10
    assert [line for line in lines if 'tabindex="0" role="group" aria-label="' not in line] == []
