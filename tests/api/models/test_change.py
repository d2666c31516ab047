"""A request becomes a change: every field within its limits, and nothing that only the gate
decides.
"""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from gate.api.http.body import read_model
from gate.api.models.change import AdmissionRequest, ChangeRequest, ClosureRequest
from gate.core.change import Artifact, Change, Emergency, Planned, Repository, Result, Run
from gate.errors import Invalid
from gate.flow.caller import Machine, Role
from gate.flow.commands import AdmissionCommand, ClosureCommand

BY = Machine("pipeline", Role.PIPELINE)
COMMIT = "c0ffee" + "0" * 34
DIGEST = "sha256:" + "ab" * 32
MINIMAL: dict[str, Any] = {"service": "checkout", "environment": "staging", "commit": COMMIT}


def change_of(**fields: Any) -> Change:
    return read_model(orjson.dumps(MINIMAL | fields), ChangeRequest).change(BY)


def faults_of(**fields: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        change_of(**fields)
    assert caught.value.problem == "invalid"
    return {fault.where: fault.detail for fault in caught.value.faults}


DECIDED_HERE = [
    "risk", "band", "score", "standard", "standard_change", "state", "route", "outcome", "type", "decision",
]  # fmt: skip
ANSWERED = [
    "id",
    "reasons",
    "policy",
    "subject_digest",
    "approvals",
    "hold",
    "submitted_at",
    "decided_at",
    "valid_until",
    "closed",
    "links",
]


@pytest.mark.parametrize("field", [*DECIDED_HERE, *ANSWERED])
def test_a33_a_caller_does_not_set_what_the_gate_decides(field: str) -> None:
    assert list(faults_of(**{field: "low"})) == [f"#/{field}"]


@pytest.mark.parametrize("field", DECIDED_HERE)
def test_a33_the_refusal_says_who_decides_it(field: str) -> None:
    assert "the gate alone decides" in faults_of(**{field: "low"})[f"#/{field}"]


def test_an_unknown_field_is_answered_with_the_one_that_was_meant() -> None:
    assert faults_of(artefacts=[]) == {"#/artefacts": "unknown field; did you mean artifacts?"}


def test_an_unknown_field_deeper_is_answered_with_those_that_are_allowed() -> None:
    assert faults_of(artifacts=[{"name": "image", "digest": DIGEST, "zzzz": 1}]) == {
        "#/artifacts/0/zzzz": "unknown field; allowed are name, digest"
    }


@pytest.mark.parametrize("field", ["service", "environment", "commit"])
def test_what_is_required_is_named(field: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_model(
            orjson.dumps({name: value for name, value in MINIMAL.items() if name != field}),
            ChangeRequest,
        )

    assert [(fault.where, fault.detail) for fault in caught.value.faults] == [
        (f"#/{field}", "is missing; it is required")
    ]


@pytest.mark.parametrize(
    "commit",
    [
        "main",
        "C0FFEE" + "0" * 34,
        COMMIT[:-1],
        COMMIT + "0",
        COMMIT + "\n",
        " " + COMMIT,
        "c0ffee",
        "",
        7,
        None,
        ["x"],
    ],
)
def test_a_commit_is_a_full_hash(commit: Any) -> None:
    assert list(faults_of(commit=commit)) == ["#/commit"]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"commit": "main"},
            'found "main", allowed is a full commit hash: 40 or 64 lower-case hexadecimal digits',
        ),
        ({"run": {"id": "1", "attempt": "2"}}, 'found "2", a whole number is allowed'),
        ({"title": ["x"]}, "found a list of 1, a text is allowed"),
        ({"service": "x" * 201}, f'found "{"x" * 60}…", it should have at most 200 characters'),
    ],
)
def test_a_fault_says_what_was_found_and_what_is_allowed(fields: dict[str, Any], says: str) -> None:
    assert list(faults_of(**fields).values()) == [says]


@pytest.mark.parametrize("commit", [COMMIT, "0" * 64])
def test_a_commit_is_a_hash_of_either_length(commit: str) -> None:
    assert change_of(commit=commit).commit == commit


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "ab" * 32,
        "sha256:",
        "sha256:" + "ab" * 31,
        "sha256:" + "AB" * 32,
        "sha1:" + "ab" * 20,
        "md5:" + "ab" * 16,
        "sha256:" + "zz" * 32,
    ],
)
def test_a_digest_names_its_algorithm_and_is_whole(digest: str) -> None:
    assert list(faults_of(artifacts=[{"name": "image", "digest": digest}])) == [
        "#/artifacts/0/digest"
    ]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://ci.example.com/1",
        "http://localhost.example.com/",
        "http://127.0.0.1@evil.example.com/",
        "https://user:secret@ci.example.com/",
        "https://",
        "//ci.example.com/",
        "ftp://ci.example.com/",
        " https://ci.example.com/",
        "https://ci.example.com/\n",
        "https:\\\\ci.example.com",
        "https://" + "x" * 2_000,
    ],
)
def test_a36_a_link_is_https_and_nothing_else(address: str) -> None:
    assert "#/run/url" in " ".join(faults_of(run={"id": "1", "url": address}))


@pytest.mark.parametrize(
    "address",
    [
        "https://ci.example.com/1?a=b#c",
        "http://localhost:8080/x",
        "http://127.0.0.1/",
        "http://[::1]:1/",
    ],
)
def test_a36_a_link_may_be_https_or_this_machine(address: str) -> None:
    assert change_of(run={"id": "1", "url": address}).run == Run("1", url=address)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("service", "x" * 201, id="201 characters"),
        pytest.param("service", "", id="empty"),
        pytest.param("service", "a\nb", id="two lines"),
        pytest.param("environment", "a\x1bb", id="an escape"),
        pytest.param("title", "x" * 201, id="a long title"),
        pytest.param("description", "x" * 4_001, id="a long description"),
        pytest.param("description", "a\x1bb", id="an escape in a description"),
        pytest.param("authors", ["a@example.com"] * 501, id="501 authors"),
        pytest.param("artifacts", [{"name": "image", "digest": DIGEST}] * 51, id="51 artifacts"),
        pytest.param("title", 7, id="a number as a title"),
        pytest.param("authors", "ada@example.com", id="one author without a list"),
        pytest.param("remediates", "chg_1", id="a short id"),
        pytest.param("labels", {"a b": "x"}, id="a space in a label"),
        pytest.param("labels", {"a": "x" * 65}, id="a long label"),
        pytest.param("labels", {f"l{k}": "x" for k in range(33)}, id="33 labels"),
        pytest.param("labels", {"a": 1}, id="a number as a label"),
    ],
)
def test_every_field_has_its_limit(field: str, value: Any) -> None:
    assert all(where.startswith(f"#/{field}") for where in faults_of(**{field: value}))


@pytest.mark.parametrize("number", ["1", 1.0, True, 0, -1, None])
def test_a_number_is_a_whole_number_and_no_text(number: Any) -> None:
    assert list(faults_of(repository={"issuer": "https://ci.example.com", "id": number})) == [
        "#/repository/id"
    ]


@pytest.mark.parametrize(
    ("ask", "where"),
    [
        pytest.param({"reason": "it burns"}, "#/emergency/incident", id="A62 without an incident"),
        pytest.param({"incident": "INC-1"}, "#/emergency/reason", id="A62 without a reason"),
        pytest.param(
            {"reason": " \n", "incident": "INC-1"},
            "#/emergency/reason",
            id="A62 with an empty reason",
        ),
    ],
)
def test_an_emergency_says_why_and_for_what(ask: dict[str, str], where: str) -> None:
    assert list(faults_of(emergency=ask)) == [where]


@pytest.mark.parametrize(
    "instant",
    [
        "2026-11-23",
        "2026-11-23T10:00:00",
        "2026-11-23 10:00:00Z",
        "10:00",
        1_700_000_000,
        "2026-13-23T10:00:00Z",
        "",
    ],
)
def test_an_instant_has_seconds_and_a_zone(instant: Any) -> None:
    assert list(faults_of(planned={"start": instant})) == ["#/planned/start"]


def test_a_window_ends_after_it_begins() -> None:
    assert (
        "is not after"
        in faults_of(planned={"start": "2026-11-23T10:00:00Z", "end": "2026-11-23T10:00:00Z"})[
            "#/planned"
        ]
    )


@pytest.mark.parametrize(
    ("facts", "where", "says"),
    [
        pytest.param(
            {"history": {"failures": 0}},
            "#/facts/history",
            "a request may claim facts of",
            id="A15 history",
        ),
        pytest.param(
            {"calendar": {}},
            "#/facts/calendar",
            "a request may claim facts of",
            id="A15 calendar, even empty",
        ),
        pytest.param(
            {"change": {"direction": "rollback"}},
            "#/facts/change/direction",
            "cannot claim this",
            id="A15 its direction",
        ),
        pytest.param(
            {"change": {"ref_protected": True}},
            "#/facts/change/ref_protected",
            "cannot claim this",
            id="A15 its ref",
        ),
        pytest.param(
            {"environment": {"proved": True}},
            "#/facts/environment",
            "may claim facts of",
            id="A15 its environment",
        ),
        pytest.param({"dif": {}}, "#/facts/dif", "did you mean diff?", id="a group that is none"),
        pytest.param(
            {"diff": {"linez_added": 1}},
            "#/facts/diff/linez_added",
            "did you mean lines_added?",
            id="a fact that is none",
        ),
        pytest.param(
            {"diff": {"lines_added": "1"}},
            "#/facts/diff/lines_added",
            'found "1"',
            id="a text for a number",
        ),
        pytest.param(
            {"diff": {"lines_added": -1}}, "#/facts/diff/lines_added", "found -1", id="below zero"
        ),
        pytest.param(
            {"diff": {"lines_added": 1.5}},
            "#/facts/diff/lines_added",
            "a whole number",
            id="half a line",
        ),
        pytest.param(
            {"diff": {"reverts": 0}}, "#/facts/diff/reverts", "true or false", id="A15 0 for false"
        ),
        pytest.param(
            {"diff": {"files": "a.py"}}, "#/facts/diff/files", "a list", id="a text for a list"
        ),
        pytest.param(
            {"diff": {"files": ["x" * 501]}}, "#/facts/diff/files", "500 bytes", id="a long path"
        ),
        pytest.param(
            {"diff": {"files": ["x"] * 3_001}}, "#/facts/diff/files", "3000", id="too many paths"
        ),
        pytest.param(
            {"labels": {"a b": "x"}},
            "#/facts/labels/a b",
            "no name of a label",
            id="a space in a label",
        ),
        pytest.param({"diff": 1}, "#/facts/diff", "an object", id="a group that is a number"),
    ],
)
def test_only_claimable_facts_of_the_right_type_are_taken(
    facts: Any, where: str, says: str
) -> None:
    faults = faults_of(facts=facts)

    assert list(faults) == [where]
    assert says in faults[where]


def test_every_fault_is_told_at_once() -> None:
    assert list(faults_of(facts={"diff": {"lines_added": "x", "reverts": "x"}, "history": {}})) == [
        "#/facts/diff/lines_added",
        "#/facts/diff/reverts",
        "#/facts/history",
    ]


def test_a29_what_may_be_a_secret_is_not_repeated() -> None:
    secret = "gate_0123456789abcdef_" + "s" * 43

    assert secret not in str(faults_of(commit=secret)) + str(
        faults_of(facts={"diff": {"lines_added": secret}})
    )


def test_a_fact_that_is_null_is_unknown() -> None:
    assert change_of(
        facts={"diff": {"lines_added": None, "reverts": False}}, labels={"team": None}
    ).claims == {"diff.reverts": False}


def test_a_whole_request_becomes_a_change() -> None:
    change = change_of(
        base="0" * 40,
        ref="refs/heads/main",
        repository={
            "issuer": "https://token.actions.githubusercontent.com",
            "id": 1001,
            "name": "acme/checkout",
        },
        artifacts=[{"name": "image", "digest": DIGEST}],
        run={"id": "7", "attempt": 2, "step": "deploy", "url": "https://ci.example.com/7"},
        requested_by="ada-gh",
        authors=["ada@example.com"],
        title="Faster checkout",
        description="two\nlines",
        impact="none",
        rollback_plan="revert",
        test_plan="clicked",
        emergency={"reason": "it burns", "incident": "INC-1"},
        planned={"start": "2026-11-23T10:00:00+02:00", "end": None},
        remediates="chg_" + "0" * 26,
        facts={
            "diff": {"lines_added": 12, "entropy": 1.5, "files": ["a.py"]},
            "labels": {"team": "payments"},
        },
        labels={"app.kubernetes.io/name": "checkout"},
    )

    assert change == Change(
        service="checkout",
        environment="staging",
        commit=COMMIT,
        base="0" * 40,
        ref="refs/heads/main",
        repository=Repository("https://token.actions.githubusercontent.com", 1001, "acme/checkout"),
        artifacts=(Artifact("image", DIGEST),),
        run=Run("7", 2, "deploy", "https://ci.example.com/7"),
        requested_by="ada-gh",
        authors=("ada@example.com",),
        title="Faster checkout",
        description="two\nlines",
        impact="none",
        rollback_plan="revert",
        test_plan="clicked",
        emergency=Emergency("it burns", "INC-1"),
        planned=Planned(datetime(2026, 11, 23, 8, tzinfo=UTC)),
        remediates="chg_" + "0" * 26,
        claims={
            "diff.lines_added": 12,
            "diff.entropy": 15_000,
            "diff.files": ("a.py",),
            "labels.team": "payments",
            "labels.app.kubernetes.io/name": "checkout",
        },
    )


def test_names_may_be_any_text_of_one_line() -> None:
    assert (
        change_of(service="Kasse & Ständer / 決済", environment="eu-prod (blue)").service
        == "Kasse & Ständer / 決済"
    )


def test_an_admission_names_its_run() -> None:
    body: dict[str, Any] = {"commit": COMMIT, "environment": "staging"}
    with pytest.raises(Invalid) as caught:
        read_model(orjson.dumps(body), AdmissionRequest)
    assert [fault.where for fault in caught.value.faults] == ["#/run"]

    request = read_model(orjson.dumps(body | {"run": {"id": "7"}}), AdmissionRequest).command(BY)
    assert request == AdmissionCommand(COMMIT, (), "staging", Run("7"))


@pytest.mark.parametrize("result", ["failed", "", None, "Successful", True])
def test_a_result_is_one_of_four(result: Any) -> None:
    with pytest.raises(Invalid):
        read_model(orjson.dumps({"result": result}), ClosureRequest)


def test_a_closure_says_how_it_ended() -> None:
    body = {
        "result": "rolled_back",
        "notes": "too slow",
        "started_at": "2026-11-23T10:00:00Z",
        "finished_at": "2026-11-23T10:00:00Z",
    }
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)

    assert read_model(orjson.dumps(body), ClosureRequest).command(BY) == ClosureCommand(
        Result.ROLLED_BACK, "too slow", at, at
    )


NULLABLE = (
    *(
        "base",
        "ref",
        "repository",
        "artifacts",
        "run",
        "requested_by",
        "authors",
        "title",
        "description",
        "impact",
    ),
    *("rollback_plan", "test_plan", "emergency", "planned", "remediates", "facts", "labels"),
    *("reason", "security_impact", "expected_outcome", "customer_impact", "ticket"),
)


@pytest.mark.parametrize("field", NULLABLE)
def test_e26_null_means_absent(field: str) -> None:
    assert change_of(**{field: None}) == change_of()


def test_e26_every_field_that_may_be_left_out_may_be_null() -> None:
    optional = {
        name for name, field in ChangeRequest.model_fields.items() if not field.is_required()
    }

    assert optional == set(NULLABLE)


@pytest.mark.parametrize("field", ["service", "environment", "commit"])
def test_e26_what_is_needed_may_not_be_null(field: str) -> None:
    assert list(faults_of(**{field: None})) == [f"#/{field}"]


def test_e26_a_run_is_taken_as_an_answer_shows_it() -> None:
    answered = {"id": "7", "attempt": 1, "step": "", "url": None}

    assert change_of(run=answered).run == Run("7", 1, "", "")
    assert change_of(run={"id": "7", "attempt": None, "step": None, "url": ""}).run == Run(
        "7", 1, "", ""
    )


def test_a_run_with_a_link_that_is_none_is_refused_once_and_where_it_stands() -> None:
    assert faults_of(run={"id": "7", "url": "javascript:alert(1)"}).keys() == {"#/run/url"}
