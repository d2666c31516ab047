"""The last check before a deployment: each way to be refused, and the one way through."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.core.change import Planned, Run, State, Subject
from gate.core.decision.admission import AdmissionCase, Proof, admitted_before, refusal
from gate.core.decision.values import Hold

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RUN = Run("100", 1, "deploy")
SUBJECT = Subject(
    ("https://ci.example.com", 7),
    "a" * 40,
    ("sha256:" + "1" * 64,),
    "checkout",
    "production",
    emergency=False,
)
APPROVED = AdmissionCase(
    subject=SUBJECT,
    state=State.APPROVED,
    admitted_run=None,
    proved=None,
    planned=Planned(),
    hold=None,
    others_deploying=(),
    parallel=False,
    decided_direction="forward",
    direction="forward",
    what_ran="chg_before",
    what_runs="chg_before",
)
FREEZE = Hold("year-end", "closing", NOW + timedelta(days=3), ("change-authority",))
STOP = Hold("stop", "fire", None, (), stop=True)


def refused(
    case: AdmissionCase, asked: Subject = SUBJECT, run: Run = RUN, at: datetime = NOW
) -> str | None:
    answer = refusal(case, asked, run, at=at)
    return answer.problem if answer else None


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(SUBJECT._replace(commit="b" * 40), id="A07 another commit"),
        pytest.param(SUBJECT._replace(commit="a" * 39), id="A08 a prefix of the commit"),
        pytest.param(SUBJECT._replace(commit="A" * 40), id="A08 another case"),
        pytest.param(SUBJECT._replace(digests=("sha256:" + "2" * 64,)), id="A06 another artifact"),
        pytest.param(SUBJECT._replace(digests=()), id="A06 no artifact"),
        pytest.param(SUBJECT._replace(service="checkout2"), id="A08 another service"),
        pytest.param(SUBJECT._replace(environment="prod-eu"), id="A08 another environment"),
        pytest.param(SUBJECT._replace(repository=None), id="A08 no repository"),
        pytest.param(
            SUBJECT._replace(repository=("https://other.example.com", 7)),
            id="A08 same number, another issuer",
        ),
    ],
)
def test_another_subject_is_never_admitted(asked: Subject) -> None:
    assert refused(APPROVED, asked) == "subject_mismatch"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (SUBJECT._replace(digests=()), f"digests sha256:{'1' * 64}, the deployment is of none;"),
        (
            SUBJECT._replace(repository=("https://other.example.com", 8)),
            "the deployment is of https://other.example.com, 8;",
        ),
    ],
)
def test_the_refusal_names_both_subjects_in_words(asked: Subject, words: str) -> None:
    answer = refusal(APPROVED, asked, RUN, at=NOW)

    assert answer is not None
    assert words in answer.detail


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (State.PENDING, "not_approved"),
        (State.REJECTED, "not_approved"),
        (State.EXPIRED, "expired"),
        (State.CANCELED, "state_conflict"),
        (State.CLOSED, "state_conflict"),
        (State.DEPLOYING, "consumed"),
    ],
)
def test_only_an_approved_change_is_admitted(state: State, problem: str) -> None:
    assert refused(replace(APPROVED, state=state, admitted_run=Run("99"))) == problem


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        pytest.param(NOW, NOW, None, id="at both limits"),
        pytest.param(
            NOW + timedelta(microseconds=1), None, "outside_window", id="just before the start"
        ),
        pytest.param(
            None, NOW - timedelta(microseconds=1), "outside_window", id="just after the end"
        ),
    ],
)
def test_the_planned_times_bind(
    start: datetime | None, end: datetime | None, problem: str | None
) -> None:
    assert refused(replace(APPROVED, planned=Planned(start, end))) == problem


def test_a_hold_binds_and_names_who_may_lift_it() -> None:
    answer = refusal(replace(APPROVED, hold=FREEZE), SUBJECT, RUN, at=NOW)

    assert answer is not None
    assert (answer.problem, answer.detail) == (
        "frozen",
        (
            "this is frozen until 5 Mar 2026, 12:00 UTC by the window year-end; wait, or ask "
            "change-authority for an override"
        ),
    )


def test_a_stopped_line_binds_until_it_is_lifted() -> None:
    answer = refusal(replace(APPROVED, hold=STOP), SUBJECT, RUN, at=NOW)

    assert answer is not None
    assert answer.detail == "the line is stopped; wait until somebody lifts it"


@pytest.mark.parametrize(
    ("parallel", "direction", "problem"),
    [
        pytest.param(False, "forward", "conflict", id="one at a time"),
        pytest.param(True, "forward", None, id="the policy lets two deploy"),
        pytest.param(False, "rollback", None, id="a rollback does not wait"),
        pytest.param(False, "redeploy", "conflict", id="what is there already waits too"),
    ],
)
def test_another_deployment_here(parallel: bool, direction: str, problem: str | None) -> None:  # noqa: FBT001 - a column of the table
    case = replace(
        APPROVED,
        others_deploying=("chg_x",),
        parallel=parallel,
        decided_direction=direction,
        direction=direction,
    )

    assert refused(case) == problem


PROOF = Proof("100", "refs/heads/main", "deploy.yml")


@pytest.mark.parametrize(
    ("run", "proof", "problem"),
    [
        pytest.param(Run("101"), PROOF._replace(run="101"), "identity_mismatch", id="another run"),
        pytest.param(Run("0100"), PROOF, "identity_mismatch", id="an id that looks like it"),
        pytest.param(RUN, None, "identity_mismatch", id="nothing is proved"),
        pytest.param(
            RUN, PROOF._replace(ref="refs/heads/other"), "stale_decision", id="another ref"
        ),
        pytest.param(RUN, PROOF._replace(ref=None), "stale_decision", id="no ref"),
        pytest.param(
            RUN, PROOF._replace(workflow="Deploy.yml"), "stale_decision", id="another workflow"
        ),
        pytest.param(
            replace(RUN, attempt=9, step="smoke"), PROOF, None, id="another attempt of the run"
        ),
        pytest.param(RUN, PROOF, None, id="the very run"),
    ],
)
def test_b10_the_run_is_the_one_that_proved_itself(
    run: Run, proof: Proof | None, problem: str | None
) -> None:
    answer = refusal(replace(APPROVED, proved=PROOF), SUBJECT, run, proof, at=NOW)

    assert (answer.problem if answer else None) == problem


@pytest.mark.parametrize(
    ("then", "now", "looks_at_it", "problem"),
    [
        pytest.param(True, False, True, "stale_decision", id="a job without it"),
        pytest.param(False, True, True, "stale_decision", id="a job that has it"),
        pytest.param(True, True, True, None, id="both have it"),
        pytest.param(True, False, False, None, id="no policy looks at it"),
    ],
)
def test_b10_a_job_has_an_environment_if_the_judged_one_had_it(
    *,
    then: bool,
    now: bool,
    looks_at_it: bool,
    problem: str | None,
) -> None:
    case = replace(
        APPROVED, proved=PROOF._replace(environment=then), looks_at_environment=looks_at_it
    )

    answer = refusal(case, SUBJECT, RUN, PROOF._replace(environment=now), at=NOW)

    assert (answer.problem if answer else None) == problem


def test_b10_where_nothing_was_proved_nothing_is_compared() -> None:
    assert refused(APPROVED, run=Run("101")) is None


@pytest.mark.parametrize("what_runs", [None, "chg_after"])
def test_what_runs_must_be_what_ran_at_the_decision(what_runs: str | None) -> None:
    assert refused(replace(APPROVED, what_runs=what_runs)) == "stale_decision"


@pytest.mark.parametrize(
    ("decided", "now", "problem"),
    [
        pytest.param(
            "rollback", "forward", "stale_decision", id="that it went well was taken back"
        ),
        pytest.param("rollback", "redeploy", "stale_decision", id="it was put back meanwhile"),
        pytest.param("redeploy", "rollback", "stale_decision", id="it is no longer what is there"),
        pytest.param("forward", "redeploy", None, id="the decision asked no less of it"),
        pytest.param("rollback", "rollback", None, id="nothing has changed"),
    ],
)
def test_b7_what_was_decided_as_going_back_must_still_go_back(
    decided: str, now: str, problem: str | None
) -> None:
    assert refused(replace(APPROVED, decided_direction=decided, direction=now)) == problem


def test_the_very_decision_for_the_very_subject_is_admitted() -> None:
    assert refused(APPROVED) is None


@pytest.mark.parametrize(
    ("run", "same"),
    [
        pytest.param(RUN, True, id="the same three"),
        pytest.param(
            replace(RUN, url="https://ci.example.com/1"), True, id="the address does not count"
        ),
        pytest.param(replace(RUN, attempt=2), False, id="A09 another attempt"),
        pytest.param(replace(RUN, step="smoke"), False, id="A09 another step"),
        pytest.param(replace(RUN, id="101"), False, id="A09 another run"),
    ],
)
def test_an_admission_is_consumed_once(run: Run, same: bool) -> None:  # noqa: FBT001 - a column of the table
    deploying = replace(APPROVED, state=State.DEPLOYING, admitted_run=RUN)

    assert admitted_before(deploying, run) is same
    assert refused(deploying, run=run) == "consumed"


WATCHED = replace(APPROVED, observed=True, observing=True)


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        pytest.param(
            replace(WATCHED, observing=False), "stale_decision", id="the gate enforces by now"
        ),
        pytest.param(
            replace(APPROVED, observing=True), "stale_decision", id="the gate only observes by now"
        ),
        pytest.param(
            replace(WATCHED, state=State.DEPLOYING, admitted_run=Run("99")),
            "consumed",
            id="another run has used it",
        ),
        pytest.param(replace(WATCHED, state=State.EXPIRED), "expired", id="its time is over"),
        pytest.param(
            replace(WATCHED, proved=PROOF), "identity_mismatch", id="nothing proves the run"
        ),
        pytest.param(replace(WATCHED, hold=STOP), None, id="a stopped line"),
        pytest.param(replace(WATCHED, hold=FREEZE), None, id="a freeze"),
        pytest.param(
            replace(WATCHED, planned=Planned(NOW + timedelta(days=1))), None, id="planned for later"
        ),
        pytest.param(
            replace(WATCHED, others_deploying=("chg_other",)), None, id="another deployment"
        ),
        pytest.param(replace(WATCHED, what_runs="chg_after"), None, id="what runs has changed"),
    ],
)
def test_h2_an_observing_gate_refuses_only_what_is_not_what_it_saw(
    case: AdmissionCase, problem: str | None
) -> None:
    assert refused(case) == problem


def test_h2_observed_or_not_another_subject_is_refused() -> None:
    assert refused(WATCHED, SUBJECT._replace(environment="staging")) == "subject_mismatch"
