"""The facts that a policy may look at: the type of each, its words, and whether it can
be claimed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import repeat
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from gate.core.kinds import FileKind
from gate.errors import Fault, Invalid

Value: TypeAlias = bool | int | str | tuple[str, ...]
Values: TypeAlias = Mapping[str, Value]

DECIMAL_UNIT = 10_000
"""A decimal is an integer of ten-thousandths everywhere except in JSON, so that it is exact."""

INTEGER_MAX = 2**53 - 1
TEXT_LENGTH_MAX = 200
LIST_LENGTH_MAX = 3_000
PATH_BYTES_MAX = 500
LABELS_MAX = 32
LABEL_LENGTH_MAX = 64
NO_EARLIER_DAYS = 3_650
"""The value of `days_since_*` if there was no such day, because known to be empty is
not unknown."""


class FactType(StrEnum):
    """The types of facts. A decimal has at most 4 places."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TEXT = "text"
    TEXTS = "list of text"


class Origin(StrEnum):
    """The source of a value. A claimed value counts only if the policy trusts the group of its
    fact.
    """

    CLAIMED = "claimed"
    TOKEN = "token"  # noqa: S105 - the origin's name, no secret
    VERIFIED = "verified"
    HISTORY = "history"
    CATALOGUE = "catalogue"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class FactDef:
    """One row of the table: `words` are for sentences, `help` is for the reference."""

    name: str
    type: FactType
    words: str
    help: str
    choices: tuple[str, ...] = ()
    # What to do where a policy requires the fact and it does not hold.
    remedy: str = ""

    @property
    def group(self) -> str:
        """The part of the name before the dot; policies trust claims by group."""
        return self.name.partition(".")[0]


class Fact(NamedTuple):
    """A known value and where it comes from.

    An unknown fact has no `Fact`. It is a plain tuple because every decision makes dozens.
    """

    value: Value
    origin: Origin


Facts: TypeAlias = Mapping[str, Fact]
"""Every known fact by full name. A fact that is absent is unknown."""

_AS_FACT = partial(tuple.__new__, Fact)


def facts_of(values: Mapping[str, Value], origin: Origin) -> dict[str, Fact]:
    """Return facts of these values, all of one origin.

    `map` and `zip` make them without a Python call for each, because every decision does this.
    """
    return dict(
        zip(values, map(_AS_FACT, zip(values.values(), repeat(origin), strict=False)), strict=True)
    )


_B, _I, _D, _T, _L = (
    FactType.BOOLEAN,
    FactType.INTEGER,
    FactType.DECIMAL,
    FactType.TEXT,
    FactType.TEXTS,
)

DIRECTIONS = ("forward", "rollback", "redeploy")
ENVIRONMENT_TIERS = ("production", "staging", "testing", "development", "other")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_TABLE: tuple[FactDef, ...] = (
    FactDef(
        "change.direction",
        _T,
        "direction",
        "`redeploy`: what was last admitted, commit and artifacts. `rollback`: the very "
        "commit and artifacts that ended well here before"
        " another commit was admitted. `forward`: anything else, also a commit that ran "
        "here with other artifacts.",
        DIRECTIONS,
    ),
    FactDef(
        "change.ran_here_days_ago",
        _I,
        "days since this commit last ran here",
        "Days since another commit was first admitted in the place of this one, with these "
        "artifacts.",
    ),
    FactDef(
        "change.first_deployment",
        _B,
        "first deployment here",
        "Nothing was ever admitted for this service and environment.",
    ),
    FactDef(
        "change.fixes_defect",
        _B,
        "fixes a defect",
        "More than half of the changed lines come from commits whose subject line speaks of a fix.",
    ),
    FactDef("change.has_rollback_plan", _B, "has a rollback plan", "A rollback plan was given."),
    FactDef("change.has_test_plan", _B, "has a test plan", "A test plan was given."),
    FactDef("change.has_impact_note", _B, "has an impact note", "An impact note was given."),
    FactDef(
        "change.remediates",
        _B,
        "remediates an earlier change",
        "The request names the failed change that this one repairs.",
    ),
    FactDef(
        "change.age_hours",
        _I,
        "hours since the commit was made",
        "Whole hours from the commit to the request.",
    ),
    FactDef(
        "change.event",
        _T,
        "event that started the run",
        "As the identity token or the code host names it: push, schedule, pull_request.",
    ),
    FactDef("change.ref", _T, "ref", "Branch or tag, from token or code host only."),
    FactDef("change.ref_protected", _B, "ref is protected", "The code host protects the ref."),
    FactDef(
        "change.workflow",
        _T,
        "workflow file",
        "The pipeline's definition, from the identity token.",
    ),
    FactDef("service.name", _T, "service", "The service's name."),
    FactDef("service.known", _B, "service is in the catalogue", "The catalogue lists the service."),
    FactDef("service.tier", _I, "service tier", "1 is most critical, 4 least."),
    FactDef("service.owners", _L, "owners of the service", "The groups that own the service."),
    FactDef(
        "service.has_runbook",
        _B,
        "service has a runbook",
        "The catalogue links the service's runbook, under `links`.",
        remedy="add links.runbook to the service in catalog.yaml",
    ),
    FactDef(
        "service.has_support_note",
        _B,
        "service has a support note",
        "The catalogue links what support has to know of the service, under `links`.",
        remedy="add links.support_note to the service in catalog.yaml",
    ),
    FactDef(
        "service.has_known_issues",
        _B,
        "service has a list of known issues",
        "The catalogue links the list of known issues of the service, under `links`.",
        remedy="add links.known_issues to the service in catalog.yaml",
    ),
    FactDef("environment.name", _T, "environment", "The environment's name in the catalogue."),
    FactDef(
        "environment.tier",
        _T,
        "environment tier",
        "The environment's tier in the catalogue.",
        ENVIRONMENT_TIERS,
    ),
    FactDef(
        "environment.proved",
        _B,
        "environment is proved",
        "The identity token names the environment.",
    ),
    FactDef(
        "diff.files",
        _L,
        "changed files",
        "Paths of the changed files, of a moved one both; unknown when the list was cut.",
    ),
    FactDef("diff.files_changed", _I, "files changed", "Number of changed files."),
    FactDef(
        "diff.lines_added",
        _I,
        "lines added",
        "Lines added, of every file whatever it holds; unknown where a submodule changed.",
    ),
    FactDef(
        "diff.lines_deleted",
        _I,
        "lines deleted",
        "Lines deleted, of every file whatever it holds; unknown where a submodule changed.",
    ),
    FactDef(
        "diff.lines_before",
        _I,
        "lines in the files before",
        "Lines of the touched files before the change, summed.",
    ),
    FactDef("diff.commits", _I, "commits", "Commits from base to commit, merges included."),
    FactDef(
        "diff.directories", _I, "directories touched", "Distinct folders of the changed files."
    ),
    FactDef(
        "diff.subsystems",
        _I,
        "subsystems touched",
        "Distinct top-level folders of the changed files.",
    ),
    FactDef(
        "diff.entropy",
        _D,
        "entropy of the change",
        "Shannon's entropy, in bits, of changed lines over files.",
    ),
    FactDef(
        "diff.file_authors",
        _I,
        "earlier authors of the files",
        "Distinct people who changed the touched files before.",
    ),
    FactDef(
        "diff.days_since_touched",
        _I,
        "days since the files were touched",
        "Mean over the touched files of the days since their last change.",
    ),
    FactDef(
        "diff.prior_changes",
        _I,
        "earlier changes of the files",
        "Distinct earlier commits that touched the files.",
    ),
    FactDef("diff.reverts", _B, "reverts a commit", "A commit of the range is a revert."),
    FactDef(
        "author.changes",
        _I,
        "earlier changes of the author",
        "Earlier commits of the least experienced author.",
    ),
    FactDef(
        "author.recent_changes",
        _I,
        "recent changes of the author",
        "Earlier commits of the least experienced author, each weighted by 1 / (years ago + 1), "
        "rounded down.",
    ),
    FactDef(
        "author.subsystem_changes",
        _I,
        "earlier changes of the author in the subsystems",
        "Earlier commits of the least experienced author in the touched top-level folders.",
    ),
    FactDef("author.count", _I, "authors", "Distinct authors of the range."),
    FactDef("author.known", _B, "author is known", "Every author has earlier commits here."),
    FactDef("checks.total", _I, "checks", "Checks and statuses of the commit."),
    FactDef("checks.passed", _I, "checks passed", "Checks that succeeded."),
    FactDef("checks.failed", _I, "checks failed", "Checks that failed."),
    FactDef("checks.pending", _I, "checks pending", "Checks that have not ended."),
    FactDef(
        "checks.skipped",
        _I,
        "checks skipped",
        "Checks that were skipped or neutral, so that nothing is known from them.",
    ),
    FactDef("checks.failed_names", _L, "failed checks", "Names of the failed checks."),
    FactDef(
        "checks.coverage_percent", _D, "test coverage in percent", "Coverage of the tests, 0..100."
    ),
    FactDef(
        "checks.security_findings_high",
        _I,
        "high security findings",
        "Open security findings of high or critical severity.",
    ),
    FactDef(
        "reviews.approvals",
        _I,
        "approving reviews",
        "People other than the authors, who may write to the repository or are in the "
        "catalogue, whose last review approves this commit.",
    ),
    FactDef(
        "reviews.changes_requested",
        _I,
        "reviews that request changes",
        "People whose last review requests changes.",
    ),
    FactDef(
        "reviews.by_owner",
        _B,
        "reviewed by an owner",
        "An approving reviewer is an owner of the service.",
    ),
    FactDef(
        "reviews.approved_head",
        _B,
        "the head was approved",
        "An approval names the very commit that is to be deployed.",
    ),
    FactDef("reviews.pull_request", _I, "pull request", "Number of the pull or merge request."),
    FactDef("artifact.count", _I, "artifacts", "Number of artifacts."),
    FactDef(
        "artifact.has_digest", _B, "every artifact has a digest", "Every artifact names its digest."
    ),
    FactDef(
        "artifact.signed",
        _B,
        "artifact is signed",
        "Every artifact has a signature that was checked.",
    ),
    FactDef(
        "artifact.provenance",
        _B,
        "artifact has provenance",
        "Every artifact has a provenance statement that was checked.",
    ),
    FactDef(
        "history.changes",
        _I,
        "changes of this service here",
        "Changes ever admitted for the service and environment.",
    ),
    FactDef(
        "history.failures",
        _I,
        "failed changes of this service here",
        "Changes ever admitted for the service and environment that failed.",
    ),
    FactDef(
        "history.recent_failure_rate",
        _D,
        "failure rate of the last 100 changes here",
        "Failed share of the last 100 admitted changes of the service here, 0..1.",
    ),
    FactDef(
        "history.days_since_failure",
        _I,
        "days since the last failure here",
        "Days since a change of the service here last failed.",
    ),
    FactDef(
        "history.days_since_deployment",
        _I,
        "days since the last deployment here",
        "Days since a change of the service was last admitted here.",
    ),
    FactDef(
        "history.path_failure_rate",
        _D,
        "worst failure rate of a touched folder",
        "Worst failures / (changes + 5) of a touched two-level folder, 0..1; 0 where "
        "nothing is known to have changed.",
    ),
    FactDef(
        "history.path_failures",
        _I,
        "earlier failures of a touched file",
        "Most failed changes here that touched one of the files.",
    ),
    FactDef(
        "history.similar_changes",
        _I,
        "similar changes here",
        "Changes ever admitted for the service and environment that touched the same kinds of "
        "files: " + ", ".join(FileKind) + ".",
    ),
    FactDef(
        "history.similar_failures",
        _I,
        "failed similar changes here",
        "Similar changes here that failed. Unknown where there is no similar change, because "
        "nothing done is no record; so are the other facts about similar changes but their "
        "number.",
    ),
    FactDef(
        "history.similar_failure_rate",
        _D,
        "failure rate of similar changes here",
        "Failed share of the similar changes, 0..1.",
    ),
    FactDef(
        "history.days_since_similar",
        _I,
        "days since the last similar change here",
        "Days since a similar change was last admitted here.",
    ),
    FactDef(
        "history.last_similar_failed",
        _B,
        "the last similar change failed",
        "The similar change that was last admitted here failed.",
    ),
    FactDef(
        "history.changes_last_24h",
        _I,
        "changes in the last 24 hours",
        "Changes admitted here in the last 24 hours, without this one.",
    ),
    FactDef(
        "history.lines_last_24h",
        _I,
        "lines changed in the last 24 hours",
        "Lines added and deleted by the changes admitted here in the last 24 hours, without this "
        "one.",
    ),
    FactDef(
        "history.rejected_before",
        _I,
        "earlier rejections",
        "Changes of this service here that people rejected in the last 30 days.",
    ),
    FactDef(
        "calendar.frozen", _B, "frozen", "A freeze window is open for this service and environment."
    ),
    FactDef(
        "calendar.freeze",
        _T,
        "freeze window",
        "Id of the open window that ends last; empty when none is open.",
    ),
    FactDef(
        "calendar.within_business_hours",
        _B,
        "within business hours",
        "Now is inside the calendar's business hours.",
    ),
    FactDef("calendar.weekday", _T, "weekday", "In the calendar's time zone.", WEEKDAYS),
    FactDef("calendar.hour", _I, "hour of the day", "0..23 in the calendar's time zone."),
    FactDef(
        "conflicts.in_flight",
        _I,
        "other changes in flight here",
        "Other changes of this service and environment that people approved and that are "
        "still valid, or that are deploying and still"
        " within `close_within`. What was approved automatically counts from its admission.",
    ),
    FactDef(
        "conflicts.dependency_in_flight",
        _B,
        "a dependency is being changed",
        "A service that this one depends on has a change in flight in this environment.",
    ),
    FactDef(
        "debt.emergency_reviews_overdue",
        _I,
        "overdue emergency reviews",
        "Post-implementation reviews of the owners' emergencies that are overdue.",
    ),
)

FACTS: Mapping[str, FactDef] = MappingProxyType({fact.name: fact for fact in _TABLE})
GROUPS: tuple[str, ...] = (*dict.fromkeys(fact.group for fact in _TABLE), "labels")

CLAIMABLE_GROUPS = frozenset({"diff", "author", "checks", "reviews", "artifact", "labels"})

FILES, FILES_GROUP = "diff.files", "diff"
OF_FILES: frozenset[str] = frozenset(
    {
        "history.path_failure_rate",
        "history.path_failures",
        "history.similar_changes",
        "history.similar_failures",
        "history.similar_failure_rate",
        "history.days_since_similar",
        "history.last_similar_failed",
    }
)
"""The facts of the gate's own records about the files that a change names. They count only if the
policy counts `diff.files`: otherwise a pipeline that is not trusted could choose, by the files that
it names, which records are read."""

_CLAIMABLE_CHANGE = frozenset(
    {
        "change.fixes_defect",
        "change.has_rollback_plan",
        "change.has_test_plan",
        "change.has_impact_note",
        "change.age_hours",
    }
)


def definition(name: str) -> FactDef | None:
    """Return the fact of this name, or None.

    Any `labels.<name>` is a text fact whose name has at most 64 ASCII characters.
    """
    if _LABEL.fullmatch(name):
        return FactDef(
            name,
            FactType.TEXT,
            f"label {name[7:]}",
            "Text of at most 64 characters from the caller.",
        )
    return FACTS.get(name)


def claimable(name: str) -> bool:
    """Return whether a request may claim this fact at all."""
    return name.partition(".")[0] in CLAIMABLE_GROUPS or name in _CLAIMABLE_CHANGE


def read_value(name: str, raw: object, *, where: str = "") -> Value | None:
    """Return the value of a fact from its JSON form; null is unknown, which is None.

    Raises `Invalid` for another type or a value over a limit.
    """
    fact = definition(name)
    if fact is None:
        raise Invalid(f"{name} is no fact", faults=[Fault(f"{name} is no fact", where)])
    if raw is None:
        return None
    value = _READERS[fact.type](raw)
    if value is None or (fact.choices and value not in fact.choices):
        allowed = " or ".join(fact.choices) if fact.choices else _ALLOWED[fact.type]
        shown = repr(raw) if len(repr(raw)) <= TEXT_LENGTH_MAX else type(raw).__name__
        raise Invalid(
            f"{name} is {shown}, allowed is {allowed}",
            faults=[Fault(f"found {shown}, allowed is {allowed}", where)],
        )
    if name.startswith("labels.") and isinstance(value, str) and len(value) > LABEL_LENGTH_MAX:
        raise Invalid(
            f"{name} has {len(value)} characters, at most {LABEL_LENGTH_MAX} are allowed",
            faults=[Fault(f"at most {LABEL_LENGTH_MAX} characters", where)],
        )
    return value


def reader(name: str) -> Callable[[object], Value | None]:
    """Return the reader of a fact of the table that has no choices, for callers who read many.

    It returns None for null, and for what `read_value` would raise an error about.
    """
    return _READERS[FACTS[name].type]


def wire_value(name: str, value: Value) -> bool | int | float | str | list[str]:
    """Return the value in its JSON form, in which a decimal is a number."""
    if isinstance(value, tuple):
        return list(value)
    fact = FACTS.get(name)
    if fact is not None and fact.type is FactType.DECIMAL and isinstance(value, int):
        return value / DECIMAL_UNIT
    return value


def decimal(number: float) -> int:
    """Return a number in ten-thousandths, rounded half to even."""
    return round(number * DECIMAL_UNIT)


def _boolean(raw: object) -> Value | None:
    return raw if isinstance(raw, bool) else None


def _integer(raw: object) -> Value | None:
    # `type` and not `isinstance`, because a boolean is an int in Python.
    return raw if type(raw) is int and 0 <= raw <= INTEGER_MAX else None


def _decimal(raw: object) -> Value | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    # This comparison is false for NaN and infinity too.
    if not 0 <= raw <= INTEGER_MAX // DECIMAL_UNIT:
        return None
    if abs(raw * DECIMAL_UNIT - decimal(raw)) < _DECIMAL_SLACK:
        return decimal(raw)
    return None


def _text(raw: object) -> Value | None:
    if isinstance(raw, str) and len(raw) <= TEXT_LENGTH_MAX:
        return raw
    return None


def _texts(raw: object) -> Value | None:
    if not isinstance(raw, list | tuple) or len(raw) > LIST_LENGTH_MAX:
        return None
    if not _TEXTS_ALONE.issuperset(map(type, raw)):
        return None
    fits = max(map(len, raw), default=0) <= _SURELY_FITS or all(
        len(item.encode(errors="surrogatepass")) <= PATH_BYTES_MAX for item in raw
    )
    return tuple(raw) if fits else None


_DECIMAL_SLACK = 1e-6
_TEXTS_ALONE = frozenset({str})
# A character has at most 4 bytes, so so many characters fit without encoding them.
_SURELY_FITS = PATH_BYTES_MAX // 4
_LABEL = re.compile(rf"labels\.[A-Za-z0-9_./-]{{1,{LABEL_LENGTH_MAX}}}")
_READERS = {_B: _boolean, _I: _integer, _D: _decimal, _T: _text, _L: _texts}
_ALLOWED = {
    _B: "true or false",
    _I: f"a whole number from 0 to {INTEGER_MAX}",
    _D: "a number from 0 with at most 4 places",
    _T: f"a text of at most {TEXT_LENGTH_MAX} characters",
    _L: f"a list of at most {LIST_LENGTH_MAX} texts of at most {PATH_BYTES_MAX} bytes",
}
