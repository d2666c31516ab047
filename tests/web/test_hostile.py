"""What attackers write, and what other sites make a browser send (A34 to A38)."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import httpx
import pytest
from playwright.sync_api import Page, expect

from gate.flow.caller import Role
from tests.web.site import COOKIE, Site

MARK = "stored-mark"
_TOMORROW = datetime.now(UTC) + timedelta(days=1)
SCRIPTS = (
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "<img src=//evil.example.com/x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext></math><img src onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href=javascript:alert(1)>x</a>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<style>@import '//evil.example.com/x.css';</style>",
    "<link rel=stylesheet href=//evil.example.com/x.css>",
    "<base href=//evil.example.com/>",
    "<meta http-equiv=refresh content='0;url=//evil.example.com'>",
    "<form action=//evil.example.com><button>Approve</button></form>",
    "<object data=//evil.example.com></object>",
    "<video><source onerror=alert(1)></video>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!--><script>alert(1)</script>-->",
    "]]><script>alert(1)</script>",
    "{{7*7}}{% for x in ().__class__.__base__.__subclasses__() %}{{x}}{% endfor %}",
    "${7*7} #{7*7} <%= 7*7 %>",
    '" autofocus onfocus="alert(1)',
    "' onmouseover='alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "\\u003cscript\\u003ealert(1)",
    "javascript:alert(1)//",
    "data:text/html,<script>alert(1)</script>",
    "<a href='data:text/html,x'>x</a>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<xss id=x tabindex=1 onfocus=alert(1)></xss>",
    "<button form=many name=act value=approve>",
    "`${alert(1)}`",
)
TURNED = (
    "main\u202ecod.sh",
    "a\u2066b\u2069c",
    "zero\u200bwidth",
    "soft\u00adhyphen",
    "tag\U000e0041s",
    "nul-like\u2800end",
)


def _pages(change: str) -> tuple[str, ...]:
    queue = f"/?q={quote(MARK)}"
    return (
        queue,
        f"/changes/{change}",
        f"/changes/{change}?view=raw",
        f"/changes/{change}/decisions/1",
        f"/log?q={quote(MARK)}",
        "/services/web",
        f"/calendar?at={_TOMORROW:%Y-%m-%d}",
    )


@pytest.mark.slow
def test_a34_a_script_in_any_field_is_shown_as_text_on_every_page(site: Site) -> None:
    with site.as_person("ada", Role.ADMIN) as page:
        for payload in SCRIPTS:
            change = site.submit(
                f"{MARK} {payload}",
                ref=f"refs/heads/{payload}",
                requested_by=f"{payload}@example.com",
                authors=[f"{payload}@example.com"],
                description=payload,
                impact=payload,
                rollback_plan=payload,
                planned={"start": _TOMORROW.isoformat()},
                artifacts=[{"name": payload, "digest": "sha256:" + "ab" * 32}],
                facts={
                    "diff": {
                        "lines_added": 300,
                        "lines_deleted": 1,
                        "files": [payload],
                        "files_changed": 1,
                    }
                },
            )
            page.goto(f"{site.gate.url}/changes/{change['id']}")
            assert payload in page.locator("h1").inner_text()
        for address in _pages(change["id"]):
            page.goto(site.gate.url + address)
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            assert page.evaluate(_STRANGE) == []
        page.goto(f"{site.gate.url}/?q={quote(SCRIPTS[0])}")
        assert page.evaluate(_STRANGE) == []


def test_a34_what_a_person_writes_is_text_too(site: Site) -> None:
    change = site.submit(f"{MARK} in comments")
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        page.get_by_label("Comment").first.fill(SCRIPTS[0])
        page.get_by_role("button", name="Approve").click()
        expect(page.locator("blockquote")).to_have_text(SCRIPTS[0])
        page.goto(f"{site.gate.url}/calendar/windows?stop=yes")
        page.get_by_label("Reason").first.fill(SCRIPTS[2])
        page.get_by_label("Services").first.select_option("ledger")
        page.get_by_role("button", name="Stop the line").click()
        expect(page.get_by_text(SCRIPTS[2]).first).to_be_visible()
        declared = page.locator("main .windows li").first
        declared.locator("summary").click()
        declared.get_by_role("button", name="Let the line run again").click()
        assert page.evaluate(_STRANGE) == []


@pytest.mark.parametrize("text", TURNED)
def test_a35_what_hides_or_turns_the_reading_round_is_shown_by_its_number(
    site: Site, text: str
) -> None:
    change = site.submit(f"Turned {text}", ref=f"refs/heads/{text}")
    hidden = next(char for char in text if not char.isascii())
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        assert hidden not in page.locator("body").inner_text()
        expect(page.locator("h1")).to_contain_text(f"⟨U+{ord(hidden):04X}⟩")
        assert hidden not in page.title()


def test_a35_a_name_of_two_alphabets_is_marked(site: Site) -> None:
    change = site.submit("Deploy from m\u0430in", ref="refs/heads/m\u0430in")
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        expect(page.locator("dd", has_text="refs/heads")).to_contain_text(
            "mixes Cyrillic and Latin letters"
        )


def test_a36_only_web_addresses_of_runs_can_be_followed(site: Site) -> None:
    change = site.submit("Follow me", run={"id": "follow", "url": "https://ci.example.com/runs/1"})
    with site.as_person("ada") as page:
        page.goto(f"{site.gate.url}/changes/{change['id']}")
        link = page.get_by_role("link", name="The run")
        expect(link).to_have_attribute("href", "https://ci.example.com/runs/1")
        expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_a37_another_site_cannot_approve_and_a_forged_form_neither(site: Site) -> None:
    change = site.submit("Not from elsewhere")
    secret = site.session("ada")
    fields = {"subject_digest": change["subject_digest"], "act": "approve", "csrf": ""}
    own = {"Origin": site.gate.url, "Sec-Fetch-Site": "same-origin"}
    forged = {
        "another origin": {"Origin": "https://evil.example.com"},
        "another site": {**own, "Sec-Fetch-Site": "cross-site"},
        "a neighbour": {**own, "Sec-Fetch-Site": "same-site"},
        "nobody says": {},
        "our page, but no word of the session": own,
        "an opaque origin": {"Origin": "null"},
    }
    address = f"{site.gate.url}/changes/{change['id']}/decisions"
    answers = {
        name: httpx.post(
            address, data=fields, headers=headers, cookies={COOKIE: secret}
        ).status_code
        for name, headers in forged.items()
    }

    assert answers == dict.fromkeys(forged, 403)
    assert site.read(change)["state"] == "pending"


def test_a37_looking_changes_nothing(site: Site) -> None:
    change = site.submit("Only looked at")
    secret = site.session("ada")
    with httpx.Client(base_url=site.gate.url, cookies={COOKIE: secret}) as http:
        query = urlencode({"act": "approve", "subject_digest": change["subject_digest"]})
        statuses = [
            http.get(f"/changes/{change['id']}/{name}?{query}").status_code
            for name in ("decisions", "overrides", "cancellation")
        ]

    assert set(statuses) <= {404, 405}
    assert site.read(change)["state"] == "pending"


def test_a38_a_form_on_a_foreign_page_and_a_frame_are_refused_by_the_browser_and_by_us(
    site: Site,
) -> None:
    change = site.submit("Framed and forged")
    form = f"""<form method=post action="{site.gate.url}/changes/{change["id"]}/decisions"><input name=act value=approve>
      <input name=subject_digest value={change["subject_digest"]}></form><iframe src="{site.gate.url}/changes/{change["id"]}"></iframe>"""
    with _foreign_site(form) as address, _tolerant(site) as page:
        page.goto(address)
        frame = page.frames[1]
        assert "Framed and forged" not in frame.content()
        page.locator("form").evaluate("form => form.submit()")
        expect(page.locator("body")).to_contain_text("You may not do this")
    assert site.read(change)["state"] == "pending"


def test_a38_every_page_says_what_a_browser_may_do_with_it(site: Site) -> None:
    with httpx.Client(
        base_url=site.gate.url,
        cookies={COOKIE: site.session("ada")},
        headers={"Accept": "text/html"},
    ) as http:
        for address in (
            "/",
            "/log",
            "/calendar",
            "/policies",
            "/administration",
            "/nothing",
            "/changes/nothing",
            "/login",
        ):
            headers = http.get(address).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert (headers["x-content-type-options"], headers["cache-control"]) == (
                "nosniff",
                "no-store",
            )
            assert headers["referrer-policy"] == "same-origin"


@contextmanager
def _tolerant(site: Site) -> Iterator[Page]:
    """A browser that visits a foreign page on purpose."""
    try:
        with site.as_person("ada") as page:
            yield page
            site.foreign.clear()
            site.complaints.clear()
    finally:
        site.foreign.clear()
        site.complaints.clear()


@contextmanager
def _foreign_site(body: str) -> Iterator[str]:
    """A page of another origin."""

    class Foreign(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_STRANGE = """() => [...document.querySelectorAll("*")].filter(one =>
    ["SCRIPT", "IFRAME", "OBJECT", "EMBED", "BASE", "STYLE", "VIDEO", "MATH", "XSS", "TEMPLATE"].includes(one.tagName)
      && one.getAttribute("src")?.startsWith("/static/gate.js") !== true
    || [...one.attributes].some(attribute => attribute.name.startsWith("on"))
    || one.tagName === "FORM" && new URL(one.action).origin !== location.origin
    || one.tagName === "A" && !["http:", "https:"].includes(one.protocol)
    || one.tagName === "IMG" && new URL(one.src).origin !== location.origin
  ).map(one => one.outerHTML.slice(0, 120))"""
