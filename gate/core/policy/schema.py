"""The JSON Schema of a policy file, for editors.

It is made from the table of facts and from the limits of the reader. An editor finds with it what
types and limits can express; everything else is checked only when the gate reads the file.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from gate.core.decision.standard import MATCHES_MAX
from gate.core.decision.values import Band
from gate.core.durations import DURATION_PATTERN
from gate.core.facts import FACTS, TEXT_LENGTH_MAX, FactType
from gate.core.policy.entries import NAME_LENGTH_MAX, NAME_PATTERN
from gate.core.policy.file import (
    APPROVALS_MAX,
    BANDS,
    REVIEW_ENTRIES_MAX,
    SCORE_MAX,
    TRUSTABLE,
)
from gate.core.policy.grammar import CONDITION_LENGTH_MAX
from gate.core.policy.grounds import (
    CONTROL_LENGTH_MAX,
    CONTROL_PATTERN,
    CONTROLS_MAX,
    WHY_LENGTH_MAX,
)
from gate.core.policy.policy import CONDITIONS_MAX, POINTS_MAX, RULES_MAX, STEPS_MAX, Mode

Schema: TypeAlias = dict[str, Any]

SCHEMA_ID = "urn:gate:schema:policy:v1"


def schema() -> Schema:
    """Return the schema of one policy file, in JSON Schema 2020-12."""
    bands = _object(
        {band.word: _whole(1, SCORE_MAX) for band in BANDS}, required=[band.word for band in BANDS]
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "A policy of the change-enablement gate",
        **_object(
            {
                "policy": {"$ref": "#/$defs/name", "description": "The policy's name."},
                "mode": {
                    "enum": [mode.value for mode in Mode],
                    "description": "enforce decides, evaluate is recorded beside the decision, "
                    "off is not "
                    "looked at.",
                },
                "applies_to": {
                    "$ref": "#/$defs/conditions",
                    "description": "Facts of environment and service only; without it the policy "
                    "applies everywhere.",
                },
                "trust_claims": _list(
                    {"enum": list(TRUSTABLE)},
                    "Groups of facts for which what the pipeline claims counts.",
                ),
                "bands": {
                    **bands,
                    "description": "The lowest score of each band; low begins at 0.",
                },
                "rules": _list(
                    {"$ref": "#/$defs/rule"},
                    "Scored; all are evaluated.",
                    lowest=1,
                    highest=RULES_MAX,
                ),
                "requirements": _list(
                    {"$ref": "#/$defs/requirement"},
                    "One that does not hold ends the automatic path.",
                    highest=RULES_MAX,
                ),
                "standard_changes": _list(
                    {"$ref": "#/$defs/standard_change"},
                    "Pre-authorised kinds of change.",
                    highest=RULES_MAX,
                ),
                "review": _list(
                    {"$ref": "#/$defs/review"},
                    "Who approves from which band on.",
                    lowest=1,
                    highest=REVIEW_ENTRIES_MAX,
                ),
                "expires_after": _duration("How long a pending change waits."),
                "remind": {"$ref": "#/$defs/remind"},
                "valid_for": _duration("How long an approval is good for."),
                "close_within": _duration("Later than this a deployment counts as never closed."),
                "parallel": {
                    "enum": ["refuse", "allow"],
                    "description": "Two deployments of one service and environment at once.",
                },
                "unverified_authors": {
                    "enum": ["two", "claims"],
                    "description": "Approvers needed when no code host confirms who wrote the "
                    "change.",
                },
                "emergency": {"$ref": "#/$defs/emergency"},
            },
            required=["policy", "rules"],
        ),
        "$defs": _definitions(),
    }


def _definitions() -> Schema:
    return {
        "name": {"type": "string", "pattern": NAME_PATTERN, "maxLength": NAME_LENGTH_MAX},
        "text": {"type": "string", "minLength": 1, "maxLength": TEXT_LENGTH_MAX},
        "groups": _list(
            {"$ref": "#/$defs/text"}, "Groups of the catalogue; owners are the service's.", lowest=1
        ),
        "duration": {"type": "string", "pattern": DURATION_PATTERN},
        "band": {"enum": [band.word for band in Band]},
        "condition": {"anyOf": [_condition_line(), {"$ref": "#/$defs/group"}]},
        "group": {
            **_object(
                {
                    group: {"$ref": "#/$defs/list_of_conditions"}
                    for group in ("any_of", "all_of", "none_of")
                }
            ),
            "minProperties": 1,
            "maxProperties": 1,
        },
        "list_of_conditions": _list(
            {"$ref": "#/$defs/condition"}, "All must hold.", lowest=1, highest=CONDITIONS_MAX
        ),
        "conditions": {
            "anyOf": [{"$ref": "#/$defs/list_of_conditions"}, {"$ref": "#/$defs/group"}]
        },
        "rule": _rule(),
        "requirement": _object(
            {
                **_titled(),
                "require": {"$ref": "#/$defs/conditions"},
                "otherwise": {"enum": ["review", "reject"]},
                "unless": {"$ref": "#/$defs/conditions"},
            },
            required=["id", "title", "require"],
        ),
        "standard_change": _standard_change(),
        "review": _object(
            {
                "from_band": {"$ref": "#/$defs/band"},
                "approvals": _whole(1, APPROVALS_MAX),
                "by": {"$ref": "#/$defs/groups"},
            },
            required=["from_band", "approvals", "by"],
        ),
        "remind": _object(
            {
                "after": _duration("When it is brought up again."),
                "escalate_to": _list({"$ref": "#/$defs/text"}, "And to whom later."),
            },
            required=["after"],
        ),
        "emergency": _object(
            {
                "by": {"$ref": "#/$defs/groups"},
                "approvals": _whole(1, APPROVALS_MAX),
                "valid_for": _duration("How long the approval is good for."),
                "review_within": _duration("When the review afterwards is due."),
            },
            required=["by", "approvals"],
        ),
    }


def _rule() -> Schema:
    """Return the schema of a rule: points for a clause, or points by the steps of a number."""
    numbers = [
        fact.name for fact in FACTS.values() if fact.type in {FactType.INTEGER, FactType.DECIMAL}
    ]
    steps = {
        "type": "object",
        "description": "The largest step not above the value counts; below the first, 0.",
        "propertyNames": {"pattern": r"^[0-9]+(\.[0-9]{1,4})?$"},
        "additionalProperties": _whole(-POINTS_MAX, POINTS_MAX),
        "minProperties": 1,
        "maxProperties": STEPS_MAX,
    }
    return {
        **_object(
            {
                **_titled(),
                "when": {"$ref": "#/$defs/conditions"},
                "points": _whole(-POINTS_MAX, POINTS_MAX),
                "points_by": {"enum": numbers},
                "steps": steps,
            },
            required=["id", "title"],
        ),
        "oneOf": [{"required": ["when", "points"]}, {"required": ["points_by", "steps"]}],
    }


def _standard_change() -> Schema:
    counted = _whole(1, MATCHES_MAX)
    earn = _object(
        {"successes": counted, "settle": _duration("How long a success must have stood.")},
        required=["successes", "settle"],
    )
    suspend = _object({"failures": counted, "within": counted}, required=["failures", "within"])
    return _object(
        {
            **_titled(),
            "owner": {"$ref": "#/$defs/text"},
            "authorised_by": {"$ref": "#/$defs/groups"},
            "when": {"$ref": "#/$defs/conditions"},
            "up_to": {"$ref": "#/$defs/band"},
            "earn": {"anyOf": [{"const": "none"}, earn]},
            "suspend": {"anyOf": [{"const": "none"}, suspend]},
            "during_freeze": {"type": "boolean"},
        },
        required=["id", "title", "owner", "authorised_by", "when", "up_to", "earn"],
    )


def _condition_line() -> Schema:
    """Return the schema of a condition: it must begin with a fact that exists."""
    names = "|".join([*map(re.escape, FACTS), r"labels\.[A-Za-z0-9_./-]+"])
    return {
        "type": "string",
        "pattern": rf"^\s*((any|all|none|not)\s+)?({names})(\s*$|[\s=!<>])",
        "maxLength": CONDITION_LENGTH_MAX,
        "examples": [
            "checks.failed == 0",
            'any diff.files matches "**/migrations/**"',
            "not change.has_rollback_plan",
        ],
    }


def _titled() -> Schema:
    return {
        "id": {"$ref": "#/$defs/name"},
        "title": {"$ref": "#/$defs/text"},
        "why": {
            "type": "string",
            "minLength": 1,
            "maxLength": WHY_LENGTH_MAX,
            "description": "Why it is there, for whoever checks it.",
        },
        "control": _list(
            {
                "type": "string",
                "pattern": CONTROL_PATTERN,
                "maxLength": CONTROL_LENGTH_MAX,
                "examples": ["soc2:CC8.1"],
            },
            "The controls it serves, each a framework and its clause.",
            highest=CONTROLS_MAX,
        ),
        "review_by": {
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "description": "The day by which somebody looks at it again.",
        },
    }


def _object(properties: Mapping[str, Any], *, required: list[str] | None = None) -> Schema:
    found: Schema = {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
    return {**found, "required": required} if required else found


def _list(
    items: Schema, description: str, *, lowest: int = 0, highest: int | None = None
) -> Schema:
    found: Schema = {
        "type": "array",
        "items": items,
        "minItems": lowest,
        "description": description,
    }
    return found if highest is None else {**found, "maxItems": highest}


def _whole(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def _duration(description: str) -> Schema:
    return {"$ref": "#/$defs/duration", "description": description}
