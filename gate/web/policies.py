"""Policies as pages: the rules in force in words, the results of each rule, differences between
revisions, and a trial of a change.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request

from gate.api.http.permits import GateDep
from gate.api.models.change import ChangeRequest
from gate.core.facts import FACTS, FactType
from gate.errors import Conflict, GateError, Invalid, NotAllowed
from gate.flow.answers import in_words
from gate.flow.answers.decision import EvaluationAnswer
from gate.flow.answers.policy import PolicySetAnswer
from gate.flow.answers.written import indented
from gate.flow.caller import Person, Role
from gate.flow.changes import evaluate
from gate.flow.commands import Page, Part
from gate.flow.gate import Gate
from gate.flow.identity.labels import callers_shown
from gate.flow.policies import policies, readable
from gate.flow.queries.insights import insights
from gate.web.changed_lines import changed_files
from gate.web.forms import NOT_WRITTEN, Form, Written, read_form, read_request, text_of, written
from gate.web.notices import Notice
from gate.web.page import NOTHING_WRITTEN, Cursor, Pages, View, following, go_on
from gate.web.viewer import Doer, Keeper, Viewer

PROTECTED = "change.ref_protected"
"""A fact that no pipeline may claim, but that a trial may assume."""

TRIED: tuple[tuple[str, str], ...] = (
    ("diff.lines_added", "Lines added"),
    ("diff.lines_deleted", "Lines deleted"),
    ("diff.files", "Files, one a line"),
    ("author.changes", "Changes of the author here"),
    ("checks.passed", "Checks passed"),
    ("checks.failed", "Checks failed"),
    ("checks.pending", "Checks still running"),
    ("reviews.approvals", "Approvals of the commit"),
    ("reviews.approved_head", "The commit itself is approved"),
    (PROTECTED, "From a protected branch or tag"),
)
"""The facts that the form of a trial asks for. All others are unknown in a trial."""

_YES_NO = {"yes": True, "no": False}
_SOMEBODY = "somebody@example.com"
"""The requester of a tried change. Without one the change is never approved automatically, and
every trial would say only that."""

pages = Pages()


class PoliciesQuery(BaseModel, extra="forbid"):
    """The position from which the list of revisions continues."""

    cursor: Cursor = None


class RevisionQuery(BaseModel, extra="forbid"):
    """The other revision with which this one is compared."""

    against: str | None = None


@pages.page("/policies")
async def overview(query: Annotated[PoliciesQuery, Query()], by: Viewer, gate: GateDep) -> View:
    """Return the policies in force, and the list of revisions."""
    return await _overview(gate, by, cursor=query.cursor)


@pages.page("/policies/rules/{policy}/{rule_id}")
async def rule(policy: str, rule_id: str, _: Viewer, gate: GateDep) -> View:
    """Return one rule in words, with the results of the changes to which it gave points."""
    found = await in_words.rule(gate, policy, rule_id)
    places = await insights.rule_places(gate, policy, rule_id)
    return View(
        "rule.html",
        {**vars(found), "places": places},
        {"rule": found, "places": places, "days": insights.RULE_DAYS},
    )


@pages.page("/policies/{revision}")
async def revision(
    revision: str, query: Annotated[RevisionQuery, Query()], by: Viewer, gate: GateDep
) -> View:
    """Return the files of a set, and the difference to another one.

    Without a chosen one, a set is compared with the one that it would replace, which is in force.
    Compared with the one that was registered before it, two steps could hide what the first one
    brings. The set in force is compared with the one before it.
    """
    return await _revision(gate, revision, by, query.against)


async def _revision(
    gate: Gate,
    revision: str,
    by: Person,
    against: str | None = None,
    refused: GateError | None = None,
    written: Written = NOT_WRITTEN,
) -> View:
    found = await readable.read(gate, revision, by)
    listed = (await policies.listing(gate, by)).items
    against = against or await _former(gate, found)
    other = await readable.read(gate, against, by) if against else None
    difference = await asyncio.to_thread(changed_files, other.files if other else {}, found.files)
    data = {**vars(found), "against": other and other.id, "difference": difference}
    values = {
        "found": data,
        "other": other,
        "others": [one for one in listed if one.id != found.id],
        "names": await callers_shown(gate, [found.registered_by]),
        "written": written,
    }
    return View("revision.html", data, values, refused=refused)


async def _former(gate: Gate, found: PolicySetAnswer) -> str | None:
    """Return the id of the set that this one would replace, or for the one in force of the one
    before it.
    """
    in_force = (await gate.rulebooks.current()).id
    if in_force and not found.active:
        return in_force
    earlier = await policies.before(gate, found.id)
    return earlier.id if earlier else None


@pages.form("/policies/{revision}/activation")
async def activate(request: Request, revision: str, by: Keeper, gate: GateDep) -> Any:
    """Put a revision in force. `policies.activate` requires that somebody else registered it."""
    form = await read_form(request, by)
    try:
        await policies.activate(gate, revision, text_of(form, "comment"), by)
    except (NotAllowed, Invalid, Conflict) as refused:
        shown = written("activate", form, refused)
        return await _revision(gate, revision, by, refused=refused, written=shown)
    return go_on(request, "/policies", Notice.ACTIVATED)


@pages.form("/policies/tries")
async def try_change(request: Request, by: Doer, gate: GateDep) -> View:
    """Return the page with what would be decided on the change of the form. Nothing is recorded.

    The values of the form count as proved. As claims they would be unknown to a policy that trusts
    no claims, whatever was typed.
    """
    form = await read_form(request, by)
    try:
        change = read_request(ChangeRequest, **_asked(form)).change(by)
        supposed = change._replace(proved={**change.proved, **change.claims, **_protected(form)})
        tried = await evaluate.evaluate_change(gate, supposed, by)
    except GateError as error:
        return await _overview(gate, by, form=form, problem=error.detail)
    return await _overview(gate, by, form=form, tried=tried)


async def _overview(
    gate: Gate,
    by: Person,
    *,
    cursor: str | None = None,
    form: Form = NOTHING_WRITTEN,
    tried: EvaluationAnswer | None = None,
    problem: str = "",
) -> View:
    """Return the page, with the form of a trial as it was filled in, and its result or problem."""
    found = await in_words.in_force(gate)
    listed = await policies.listing(gate, by, Part(cursor=cursor))
    book = gate.rulebooks.latest
    files = (await readable.read(gate, found.revision, by)).files if found.revision else {}
    values = {
        "policies": found.items,
        "sources": {one.name: source_of(files, one.name) for one in found.items},
        "may_try": by.role is not Role.AUDITOR,
        "revision": found.revision,
        "in_force": book.id,
        "trouble": gate.rulebooks.files_trouble,
        "listed": _with_news(listed),
        "following": following("/policies", "revisions", cursor=listed.next),
        "fields": [
            (name, label, text_of(form, name), FACTS[name].type.value) for name, label in TRIED
        ],
        "texts": FactType.TEXTS.value,
        "services": sorted(book.catalogue.services),
        "environments": sorted(book.catalogue.environments),
        "asked": {name: text_of(form, name) for name in ("service", "environment", "requested_by")},
        "tried": tried,
        "problem": problem,
        "raw": indented(tried) if tried else "",
        "names": await callers_shown(gate, [one.registered_by for one in listed.items]),
    }
    data = {**vars(found), "revisions": list(listed.items), "next": listed.next}
    return View("policies.html", data, values, 422 if problem else 200)


def _with_news(
    listed: Page[PolicySetAnswer],
) -> list[tuple[PolicySetAnswer, list[str]]]:
    """Return each set with those of its parts that the set registered before it did not have.

    Sets of one revision differ in the catalogue or the calendar, and a list of revisions alone
    would seem to say the same twice. Of the oldest set on the page nothing is said.
    """
    pairs = zip(listed.items, listed.items[1:], strict=False)
    news = [
        [part for part in policies.PARTS if getattr(one, part) != getattr(older, part)]
        for one, older in pairs
    ]
    return list(zip(listed.items, [*news, []], strict=False))


def source_of(files: Mapping[str, str], policy: str) -> str:
    """Return the text of the file that contains a policy, or an empty text."""
    named = re.compile(rf"^policy: *[\"']?{re.escape(policy)}[\"']? *(#.*)?$", re.MULTILINE)
    return next((text for text in files.values() if named.search(text)), "")


def _asked(form: Form) -> dict[str, Any]:
    facts: dict[str, dict[str, Any]] = {}
    for name, _ in TRIED:
        given = text_of(form, name)
        if given and name != PROTECTED:
            group, _, fact = name.partition(".")
            facts.setdefault(group, {})[fact] = _value(name, given)
    return {
        "service": text_of(form, "service"),
        "environment": text_of(form, "environment"),
        "commit": "0" * 40,
        "requested_by": text_of(form, "requested_by") or _SOMEBODY,
        "facts": facts,
    }


def _protected(form: Form) -> dict[str, bool]:
    given = text_of(form, PROTECTED)
    return {PROTECTED: _YES_NO[given]} if given in _YES_NO else {}


def _value(name: str, given: str) -> Any:
    if FACTS[name].type is FactType.BOOLEAN:
        return _YES_NO.get(given, given)
    if FACTS[name].type is FactType.TEXTS:
        return [line.strip() for line in given.splitlines() if line.strip()]
    digits = given.replace(",", "").replace(" ", "")
    return int(digits) if digits.isdecimal() else given
