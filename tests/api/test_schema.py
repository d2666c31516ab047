"""Requests made up from the OpenAPI document, sent to a running server and held against what the
document says.

Of schemathesis's checks one is left out: `object_level_authorization` needs two callers who own
things; `test_permissions` has them.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import Flaky
from jsonschema import Draft202012Validator
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.generation.modes import GenerationMode
from schemathesis.generation.stateful import run_state_machine_as_test
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    ignored_auth,
    negative_data_rejection,
    object_level_authorization,
    positive_data_acceptance,
)

from gate.core.rulebook.bundle import CATALOGUE_FILE
from gate.flow.caller import HookKind, Role
from tests.api.openapi import openapi
from tests.api.served import request
from tests.live import LiveGate, serving, token_of

POLICIES = Path(__file__).parents[2] / "policies"
ENDLESS = "/v1/events"
"""A stream has no end that a test could wait for."""

SCHEMA = schemathesis.openapi.from_dict(deepcopy(openapi())).exclude(path=ENDLESS)
LABELS = [
    f"{method.upper()} {path}"
    for path, item in openapi()["paths"].items()
    for method in item
    if path != ENDLESS
]
BEGINNINGS = "POST /v1/changes"
BEGINNING = openapi()["paths"]["/v1/changes"]["post"]["requestBody"]["content"]["application/json"][
    "schema"
]
PLACES = ("testing", "unheard-of")
"""Where a change passes, and where it waits for people. Every life has a place of its own: what is
deployed or was rejected in a place decides what the next change gets there, and the same requests
have to get the same answers."""


def of_lives() -> dict[str, Any]:
    """The document, with nothing but a place to make up for the change that begins a life: the test
    sends a change of its own, and to make up whole ones took half of its time.
    """
    made_up = deepcopy(openapi())
    body = made_up["paths"]["/v1/changes"]["post"]["requestBody"]["content"]["application/json"]
    body["schema"] = {"enum": list(PLACES)}
    return made_up


LIFE = (
    schemathesis.openapi.from_dict(of_lives())
    .include(path_regex="^/v1/changes")
    .exclude(path_regex="^/v1/changes(/[^/]+/(approvals|decisions))?$", method="GET")
    .exclude(path="/v1/changes/{change_id}/proof")
)
LIFE.config.generation.update(modes=[GenerationMode.POSITIVE])
"""The addresses of a change. Left out are lists, because a cursor would make each life depend on
those before, and the proof, because it depends on when it is signed."""


def paged_lists() -> list[str]:
    """Every operation that answers a list by pages."""
    found = (
        operation.ok() for operation in SCHEMA.get_all_operations() if isinstance(operation, Ok)
    )
    return [one.label for one in found if "cursor" in {parameter.name for parameter in one.query}]


REFUSED_ALL_THE_SAME: Mapping[str, str] = {
    "POST /v1/changes": "a plan ends after it begins, and a key is of one body",
    "POST /v1/evaluations": "a plan ends after it begins",
    "POST /v1/changes/{change_id}/overrides": "of a window or a stop, one is named",
    "POST /v1/policies": "the text of a policy is read",
    "POST /v1/backtests": "the text of a policy is read",
    "POST /v1/policies/check": "the text of a policy is read",
    "GET /v1/services/{service}/environments/{environment}/verdict": "a commit or a digest is named",
    "POST /v1/hooks/cdevents": "the format is another system's",
    "POST /v1/hooks/alertmanager": "the format is another system's",
    "POST /v1/freezes": "a freeze ends after it begins",
    "POST /v1/incidents": "the change that is named is there",
    "DELETE /v1/incidents/{incident_id}/links/{link_id}": "the reason stands in the body or in "
    "the address",
    "POST /v1/changes/{change_id}/closure": "an instant is one from 1970 to 2199",
    "GET /v1/calendar": "an instant is one from 1970 to 2199",
    "POST /v1/tokens": "a personal token is for oneself",
    "POST /v1/policies/{revision}/activation": "an admin who is a person activates",
    "GET /v1/delivery": "a year at most",
    "GET /v1/observations": "a year at most",
    "GET /v1/scorecard": "a year at most",
    "GET /v1/weekly": "a week that is one of its year, and has begun",
    "GET /v1/weekly/waits": "a week that is one of its year, and has begun",
    "POST /v1/measures": "a service that the catalogue has, a value with few places, and no "
    "time ahead",
    "POST /v1/improvements": "names that the catalogue has, and a due date that is near",
    "PATCH /v1/improvements/{improvement_id}": "either a due date or a finding",
    "POST /v1/improvements/{improvement_id}/issue": "either a tracker or a link",
    "GET /v1/reports/{name}": "a time ends after it begins",
    **dict.fromkeys(paged_lists(), "a cursor is one that was given"),
}
"""Operations with a rule that no schema says: what is well formed may be refused there."""

TWO_ADDRESSES = {"POST /v1/policies/check", "GET /v1/improvements/proposals"}
"""Spelled like a revision or an item, so that its address takes the method of that one, too."""

EXAMPLES = 2
ROUNDS, LIVES, STEPS = 10, 6, 8
LIVES_MAX = 4 * ROUNDS * LIVES
"""Some lives are begun and thrown away."""

CALM = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
BY_A_PERSON = ("/approvals", "/rejections", "/overrides", "/post-review", "/notices")
RUNS = count()
LIFE_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Door:
    """The running server, and who may knock."""

    url: str
    session: requests.Session
    tokens: Mapping[str, str]

    def asked_by(self, who: str) -> dict[str, Any]:
        """How a request of theirs is sent."""
        return {
            "base_url": self.url,
            "session": self.session,
            "headers": {"Authorization": f"Bearer {self.tokens[who]}"},
        }


@pytest.fixture(scope="module", autouse=True)
def no_proxies() -> Iterator[None]:
    """Nobody looks for proxies in the environment: for the requests without a token schemathesis
    opens sessions of its own, which would read the whole environment twice.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.delenv("no_proxy", raising=False)
        yield


@pytest.fixture(scope="module")
def door(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """One server for all of it: a check sends the request again without a token, or with a wrong
    one, by itself.
    """
    yield from _opened(sqlite_template, tmp_path_factory.mktemp("schema"))


@pytest.fixture
def quiet_door(sqlite_template: Path, tmp_path: Path) -> Iterator[Door]:
    """A server where nobody has stopped the line meanwhile, with an environment for every life."""
    policies = tmp_path / "policies"
    shutil.copytree(POLICIES, policies)
    catalogue = policies / CATALOGUE_FILE
    environments = "".join(
        f"\n  testing-{number}: {{tier: testing}}" for number in range(LIVES_MAX)
    )
    catalogue.write_text(
        catalogue.read_text().replace("\nenvironments:", f"\nenvironments:{environments}", 1)
    )
    yield from _opened(sqlite_template, tmp_path, policies)


def _opened(sqlite_template: Path, folder: Path, policies: Path = POLICIES) -> Iterator[Door]:
    (folder / "gate.sqlite").write_bytes(sqlite_template.read_bytes())
    settings = {"GATE_TOKEN_APPROVALS": "on"}  # one token is the person, at every address
    with (
        serving(
            LiveGate(folder, f"sqlite:///{folder / 'gate.sqlite'}", policies, settings)
        ) as gate,
        requests.Session() as session,
    ):
        session.trust_env = False  # else each request looks for proxies in the environment
        tokens = {role.value: token_of(gate, role) for role in Role} | {
            "person": token_of(gate, person="ada")
        }
        tokens |= {f"/v1/hooks/{kind}": token_of(gate, Role.HOOK, hook=kind) for kind in HookKind}
        yield Door(gate.url, session, tokens)


@pytest.mark.server
@pytest.mark.parametrize("label", LABELS)
def test_what_is_made_up_from_the_document_is_answered_as_it_says(label: str, door: Door) -> None:
    left_out = [object_level_authorization]
    left_out += [positive_data_acceptance] if label in REFUSED_ALL_THE_SAME else []
    left_out += [allow_header_conformance] if label in TWO_ADDRESSES else []

    def ask(case: schemathesis.Case[Any]) -> None:
        machine = Role.PIPELINE if case.path.startswith("/v1/changes") else Role.ADMIN
        known = left_out
        for who in (case.path if case.path in door.tokens else machine, "person"):
            answer = case.call_and_validate(**door.asked_by(who), excluded_checks=known)
            if answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
                # What was answered was asked again without a token and with a wrong one: the same
                # two requests, whosever token is taken away.
                known = [*left_out, ignored_auth]

    made_up(label, ask)()


def made_up(label: str, ask: Callable[[schemathesis.Case[Any]], None]) -> Callable[[], None]:
    """A test of one operation, as `SCHEMA.parametrize()` makes it; but when it runs, and not when
    it is collected.

    Making the requests of all operations up takes six seconds, which every process of every run
    would pay.
    """
    load_all_checks()
    (operation,) = (
        found.ok()
        for found in SCHEMA.include(name=label).get_all_operations()
        if isinstance(found, Ok)
    )
    calm = settings(CALM, max_examples=EXAMPLES)
    return build_operation_test(
        config=SCHEMA.config,
        operation=operation,
        test_func=ask,
        given_kwargs={},
        feedback=FeedbackSources(),
        explicit_settings=calm,
    )


def test_the_exceptions_are_of_operations_that_are_there() -> None:
    there = {found.ok().label for found in SCHEMA.get_all_operations() if isinstance(found, Ok)}

    assert there >= {*REFUSED_ALL_THE_SAME, *TWO_ADDRESSES}


def test_the_change_that_begins_a_life_is_one_of_the_document() -> None:
    begins = Draft202012Validator({**BEGINNING, "components": openapi()["components"]})

    assert list(begins.iter_errors(request(environment=f"{PLACES[0]}-0"))) == []


@pytest.mark.slow
@pytest.mark.server
def test_whatever_is_done_to_a_change_one_after_the_other_is_answered_as_the_document_says(
    quiet_door: Door,
) -> None:
    seen: Counter[str] = Counter()
    faults: list[BaseException] = []

    class Life(LIFE.as_state_machine()):  # type: ignore[misc] # made from the document
        def setup(self) -> None:
            self.number = next(LIFE_NUMBERS)

        def before_call(self, case: schemathesis.Case[Any]) -> None:
            if case.operation.label == BEGINNINGS:
                place = f"{case.body!s}-{self.number}"
                case.body = request(f"life-{next(RUNS)}", environment=place)
                case.headers.pop("Idempotency-Key", None)
            case.query.pop("wait", None)  # nobody decides meanwhile

        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:
            return quiet_door.asked_by(
                "person" if case.path.endswith(BY_A_PERSON) else Role.PIPELINE
            )

        def after_call(self, response: Response, case: schemathesis.Case[Any]) -> None:
            seen[f"{case.operation.label} {response.status_code}"] += 1
            super().after_call(response, case)

        def validate_response(
            self, response: Response, case: schemathesis.Case[Any], **known: Any
        ) -> None:
            left_out = [object_level_authorization, positive_data_acceptance]
            if case.operation.label == BEGINNINGS:
                left_out += [negative_data_rejection]  # its body is not the one that was made up
            try:
                case.validate_response(
                    response,
                    excluded_checks=left_out,
                    transport_kwargs=known,
                    recorder=self.recorder,
                )
            except BaseException as fault:
                faults.append(fault)
                raise

    for number in range(ROUNDS):
        # A round ends early where what was drawn before is drawn once more and is another thing,
        # because the server gives new ids to every life. A fault is kept, whatever comes after it.
        with suppress(Flaky):
            run_state_machine_as_test(
                seed(number)(Life),
                settings=settings(CALM, max_examples=LIVES, stateful_step_count=STEPS),
            )
    assert faults == []
    answered = {
        name.rpartition("/")[2] for name in seen
    }  # how far each life goes depends on ids that are new every time
    assert "changes 201" in answered
    assert answered & {
        f"{act} 200" for act in ("approvals", "admission", "closure", "cancellation")
    }
