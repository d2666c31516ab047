"""Rendering of templates: values are escaped, and the content policy lets a page load nothing from
elsewhere.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from gate.api.http.answers import Answer
from gate.api.http.cookies import CSRF_FIELD
from gate.core.counting import percent
from gate.core.durations import after, span
from gate.web import words
from gate.web.assets import address
from gate.web.visible import scripts, visible

HTML = b"text/html; charset=utf-8"
VIEWER = "gate.viewer"
"""The key of the viewer in the scope of a request. The viewer is a `Person` or absent."""

NAME, STATUS, ZONE = "gate.name", "gate.status", "gate.zone"
"""The keys of the viewer's name, the status of production and the calendar's zone in the scope."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # with less, a browser hides the origin of our own forms
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""The headers of every page. `Cache-Control` and `X-Content-Type-Options` are added by the edge."""


_ID = re.compile(r"\b(chg|inc|imp)_[0-9A-Za-z]{26}\b")
_PAGES = {"chg": "/changes/", "inc": "/incidents/", "imp": "/improvements#"}
"""Where the page of what has such an id is, up to the id."""

_INSTANT = re.compile(r"\b[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}, [0-9]{2}:[0-9]{2} UTC\b")
"""An instant as `words.instant` writes it into sentences."""


def render(
    request: Request,
    name: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """Return the page of this template.

    Beside `values`, every template gets the viewer and their name, the path, the status of
    production and the calendar's zone.
    """
    scope = request.scope
    body = _TEMPLATES.get_template(name).render(
        viewer=scope.get(VIEWER),
        viewer_name=scope.get(NAME, ""),
        path=scope["path"],
        status=scope.get(STATUS),
        zone=scope.get(ZONE, UTC),
        **values,
    )
    return Answer(
        body.encode("utf-8", "replace"),
        status,
        media_type=HTML,
        headers={**HEADERS, **(headers or {})},
    )


def csrf_field(token: str) -> Markup:
    """Return the hidden field that every form needs; `forms.read_form` compares it."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token)


def time_tag(instant: datetime | str | None) -> Markup:
    """Return an instant as a tag: UTC as the text, and the exact value as an attribute, from which
    the script shows the viewer's own time.
    """
    if instant is None:
        return Markup("")
    at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), words.instant(at))


def clock_tag(instant: datetime | None, zone: tzinfo, now: datetime) -> Markup:
    """Return a time near now as a short tag, in the zone of the calendar; the script changes it to
    the viewer's own.
    """
    if instant is None:
        return Markup("")
    return Markup('<time datetime="{}" data-short>{}</time>').format(
        instant.isoformat(), words.clock(instant, zone, now)
    )


def name_tag(text: str | None) -> Markup:
    """Return a name that somebody chose as a tag.

    The name is isolated from the text around it, so that it cannot turn the reading direction, and
    marked if it mixes alphabets.
    """
    return _isolated(text or "", escape(visible(text or "")))


def act_tag(text: str) -> Markup:
    """Return the words of an act, isolated like a name, because there are names in them. Changes
    and instants are shown as in `linked`.
    """
    return _isolated(text, linked(text))


def _isolated(text: str, shown: Markup) -> Markup:
    mixed = scripts(text)
    if not mixed:
        return Markup("<bdi>{}</bdi>").format(shown)
    warning = f"mixes {' and '.join(mixed)} letters"
    return Markup('<bdi class="mixed">{}</bdi> <span class="badge warn">{}</span>').format(
        shown, warning
    )


def linked(text: str) -> Markup:
    """Return a sentence in which the id of a change, an incident or an improvement is a link to its
    page, and an instant is a tag from which the script shows the viewer's own time.
    """
    shown = _INSTANT.sub(_as_time_tag, str(escape(visible(text))))
    return Markup(_ID.sub(_as_link, shown))  # noqa: S704 - escaped above; an id has no sign that means anything


def _as_link(found: re.Match[str]) -> str:
    return f'<a href="{_PAGES[found[1]]}{found[0]}">{found[0]}</a>'


def _as_time_tag(found: re.Match[str]) -> str:
    """Return the instant as a tag, or unchanged if it is none, such as 31 Feb."""
    try:
        at = datetime.strptime(found[0].replace("UTC", "+0000"), "%d %b %Y, %H:%M %z")
    except ValueError:
        return found[0]
    return str(time_tag(at))


def _finalize(value: Any) -> Any:
    """Return a value as it is shown.

    Every value of every template passes through here, so that no template can forget to make hidden
    characters visible.
    """
    if value is None:
        return ""
    return visible(value) if type(value) is str else value


def _source(name: str) -> str:
    return files("gate.web").joinpath("templates", name).read_text(encoding="utf-8")


_TEMPLATES = Environment(
    loader=FunctionLoader(_source),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_finalize,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.globals.update(asset=address, csrf_field=csrf_field)
_TEMPLATES.filters.update(
    at=time_tag,
    clock=clock_tag,
    named=name_tag,
    act=act_tag,
    linked=linked,
    ago=words.ago,
    left=words.left,
    after=after,
    span=span,
    roughly=words.roughly,
    short=words.short,
    link=words.link,
    number=words.number,
    event=words.event,
    result=words.result,
    instant=words.instant,
    sentence=words.sentence,
    percent=percent,
)
