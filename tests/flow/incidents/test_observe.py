"""Deployments that somebody else saw: they close the change they belong to, or they are found to
have gone past the gate.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.change import Result, Run
from gate.core.messages import reports
from gate.core.messages.reports import DeploymentReport, IncidentReport
from gate.flow.incidents import incidents, observe
from gate.flow.incidents.observe import Observed, deployment_seen
from gate.flow.webhooks import inbox
from gate.storage.database.pages import Part
from gate.storage.incidents import sightings
from gate.storage.incidents.sightings import Missing, Sighting, SightingFilters
from tests.builders import commit_of, image_of
from tests.flow.breaking import methods, open_incidents, report
from tests.flow.shop import Shop

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
OK, BAD, BACK = Result.SUCCESSFUL, Result.UNSUCCESSFUL, Result.ROLLED_BACK


def seen(letter: str = "a", result: Result | None = OK, **different: Any) -> DeploymentReport:
    """Somebody saw that commit in checkout's production just now."""
    fields: dict[str, Any] = {
        "service": "checkout",
        "environment": "live",
        "commit": commit_of(letter),
        "result": result,
        "source": "github",
    }
    fields["at"] = datetime.now(UTC)
    return DeploymentReport(**fields | different)


def back(**different: Any) -> DeploymentReport:
    """Somebody saw that the service runs again what it ran before."""
    return seen(
        **{"result": None, "went_back": True, "commit": None, "source": "cdevents"} | different
    )


async def unmatched(shop: Shop, **different: Any) -> list[Sighting]:
    """What went past the gate, newest first."""
    return list(
        (
            await shop.gate.store.read(
                sightings.sighting_page, SightingFilters(**different), Part(50)
            )
        ).rows
    )


async def test_what_was_never_admitted_is_found_and_seen_again_is_one_finding(shop: Shop) -> None:
    first = await deployment_seen(shop.gate, seen(result=BAD, url="https://ci.example.com/1"))
    second = await deployment_seen(shop.gate, seen(result=OK, url="https://ci.example.com/1"))

    (found,) = await unmatched(shop)
    assert first is second is Observed.UNMATCHED
    assert (found.service, found.environment, found.commit, found.result) == (
        "checkout",
        "production",
        commit_of("a"),
        OK,
    )
    assert (found.missing, found.at > found.first_at) == (Missing.ADMISSION, True)
    assert (
        'gate_sightings_total{missing="admission",source="github"} 1.0'
        in shop.gate.metrics.exposition().decode()
    )


async def test_c18_a_job_that_has_begun_and_asks_the_gate_first_is_none(shop: Shop) -> None:
    change = await shop.submit("a")
    begun = await deployment_seen(shop.gate, seen(result=None, url="https://ci.example.com/1"))
    await shop.admit(change)

    ended = await deployment_seen(shop.gate, seen(url="https://ci.example.com/1"))

    assert (begun, ended) == (Observed.BEGUN, Observed.CLOSED)
    assert await unmatched(shop) == []


async def test_c18_a_job_that_fails_because_the_gate_did_not_let_it_pass_is_no_deployment_past_it(
    shop: Shop,
) -> None:
    await shop.submit("a")
    await deployment_seen(shop.gate, seen("a", BAD, url="of-a"))
    await deployment_seen(shop.gate, seen("b", BAD, url="of-b"))

    stopped = await unmatched(shop, missing=Missing.APPROVAL)

    assert [one.commit for one in stopped] == [commit_of("a")]
    assert [(one.commit, one.missing) for one in await unmatched(shop)] == [
        (commit_of("b"), Missing.ADMISSION)
    ]


async def test_c18_what_went_past_the_gate_is_not_hidden_by_failing_afterwards(shop: Shop) -> None:
    now = datetime.now(UTC)
    await shop.submit("a")
    for minutes, result in enumerate((BAD, OK, BAD)):
        await deployment_seen(
            shop.gate, seen("a", result, url="u", at=now + timedelta(minutes=minutes))
        )

    (found,) = await unmatched(shop)
    assert (found.missing, found.result) == (Missing.ADMISSION, BAD)
    exposed = shop.gate.metrics.exposition().decode()
    for missing in ("approval", "admission"):
        assert f'gate_sightings_total{{missing="{missing}",source="github"}} 1.0' in exposed


async def test_c18_what_was_admitted_once_and_comes_back_after_another_change_went_past_the_gate(
    shop: Shop,
) -> None:
    await shop.deploy("a")
    await shop.deploy("b", base=commit_of("a"))
    await shop.let_pass_hours(2)

    again = await deployment_seen(shop.gate, seen("b", digests=(image_of("b").digest,)))
    back_again = await deployment_seen(shop.gate, seen("a"))
    swapped = await deployment_seen(shop.gate, seen("b", digests=(image_of("f").digest,)))

    assert (again, back_again, swapped) == (Observed.KNOWN, Observed.UNMATCHED, Observed.UNMATCHED)
    assert {one.commit for one in await unmatched(shop)} == {commit_of("a"), commit_of("b")}


@pytest.mark.parametrize(
    ("different", "missing"),
    [
        pytest.param({"service": "chekout"}, Missing.SERVICE, id="a service"),
        pytest.param({"environment": "github-pages"}, Missing.ENVIRONMENT, id="an environment"),
        pytest.param({}, Missing.ADMISSION, id="an admission"),
    ],
)
async def test_c18_it_is_said_what_would_have_explained_it(
    small_shop: Shop, different: dict[str, Any], missing: Missing
) -> None:
    await deployment_seen(small_shop.gate, seen(**different))

    (found,) = await unmatched(small_shop)
    assert found.missing is missing


async def test_c18_what_was_seen_is_kept_until_somebody_says_for_how_long(
    small_shop: Shop,
) -> None:
    now = datetime.now(UTC)
    await deployment_seen(small_shop.gate, seen("a", at=now - timedelta(days=5 * 365)))
    await deployment_seen(small_shop.gate, seen("b", at=now))

    assert [one.commit for one in await unmatched(small_shop)] == [commit_of("b"), commit_of("a")]


async def test_c18_a_rollback_that_nobody_knows_is_shown_as_one(small_shop: Shop) -> None:
    await deployment_seen(small_shop.gate, back(commit=commit_of("a")))

    (found,) = await unmatched(small_shop)
    assert found.result is BACK


async def test_a_word_that_comes_late_does_not_overwrite_a_newer_one(shop: Shop) -> None:
    now = datetime.now(UTC)
    await deployment_seen(shop.gate, seen(url="u", at=now))
    await deployment_seen(shop.gate, seen(result=BAD, url="u", at=now - HOUR))

    (found,) = await unmatched(shop)
    assert (found.result, found.at) == (OK, now)


@pytest.mark.parametrize(
    "different",
    [
        pytest.param({"service": "web"}, id="another service"),
        pytest.param({"environment": "staging"}, id="another environment"),
        pytest.param({"commit": commit_of("b")}, id="another commit"),
        pytest.param({"commit": None, "digests": (image_of("b").digest,)}, id="another artifact"),
        pytest.param({"at": datetime.now(UTC) - HOUR}, id="long before the admission"),
    ],
)
async def test_an_admission_is_good_for_what_was_admitted_alone(
    small_shop: Shop, different: dict[str, Any]
) -> None:
    change = await small_shop.deploy("a", None)

    assert await deployment_seen(small_shop.gate, seen(**different)) is Observed.UNMATCHED
    assert (await small_shop.read(change))["state"] == "deploying"


@pytest.mark.parametrize(
    "named",
    [
        {"commit": commit_of("a")},
        {"commit": None, "digests": (image_of("a").digest,)},
        {"commit": None},
    ],
)
@pytest.mark.parametrize("result", [OK, BAD])
async def test_its_end_closes_the_change(
    small_shop: Shop, named: dict[str, Any], result: Result
) -> None:
    change = await small_shop.deploy("a", None)

    observed = await deployment_seen(small_shop.gate, seen(result=result, **named))

    closed = await small_shop.read(change)
    (entry,) = await small_shop.entries("closure")
    assert (observed, closed["state"], closed["closed"]["result"]) == (
        Observed.CLOSED,
        "closed",
        result,
    )
    assert entry.fields["by"] == "hook:github"
    assert await unmatched(small_shop) == []


async def test_its_beginning_changes_nothing(small_shop: Shop) -> None:
    change = await small_shop.deploy("a", None)

    assert await deployment_seen(small_shop.gate, seen(result=None)) is Observed.KNOWN
    assert (await small_shop.read(change))["state"] == "deploying"


async def test_what_the_pipeline_said_is_not_contradicted(shop: Shop) -> None:
    change = await shop.deploy("a", OK)

    assert await deployment_seen(shop.gate, seen(result=BAD)) is Observed.KNOWN
    assert (await shop.read(change))["closed"]["result"] == "successful"


async def test_of_two_deployments_of_one_commit_the_one_that_goes_on_is_closed(
    small_shop: Shop,
) -> None:
    await small_shop.deploy("a")
    again = await small_shop.deploy("a", None, run=Run("again", 1, ""), base=commit_of("a"))

    await deployment_seen(small_shop.gate, seen())

    assert (await small_shop.read(again))["state"] == "closed"


# Going back


@pytest.mark.parametrize("result", [None, OK])
async def test_what_went_back_rolls_back_the_newest_deployment_and_says_so_once(
    shop: Shop, result: Result | None
) -> None:
    await shop.deploy("a")
    bad = await shop.deploy("b", result, base=commit_of("a"))

    observed = [
        await deployment_seen(shop.gate, back(digests=(image_of("a").digest,))) for _ in range(2)
    ]

    assert observed == [Observed.CLOSED, Observed.KNOWN]
    assert (await shop.read(bad))["closed"]["result"] == "rolled_back"
    assert (await shop.measures())["failed"] == 1


async def test_some_name_what_was_rolled_back_and_not_what_runs_now(small_shop: Shop) -> None:
    await small_shop.deploy("a")
    bad = await small_shop.deploy("b", base=commit_of("a"))

    await deployment_seen(small_shop.gate, back(digests=(image_of("b").digest,)))

    assert (await small_shop.read(bad))["closed"]["result"] == "rolled_back"


async def test_a_rollback_of_the_gate_is_not_what_was_rolled_back(small_shop: Shop) -> None:
    await small_shop.deploy("a")
    bad = await small_shop.deploy("b", base=commit_of("a"))
    rollback = await small_shop.deploy("a", OK, run=Run("back", 1, ""), base=commit_of("a"))

    await deployment_seen(small_shop.gate, back(digests=(image_of("a").digest,)))

    assert (await small_shop.read(bad))["closed"]["result"] == "rolled_back"
    assert (await small_shop.read(rollback))["closed"]["result"] == "successful"


async def test_what_ended_long_ago_is_not_rolled_back_by_a_word_from_outside(
    small_shop: Shop,
) -> None:
    change = await small_shop.deploy("a")
    await small_shop.let_pass_hours(25)

    assert await deployment_seen(small_shop.gate, back()) is Observed.UNMATCHED
    assert (await small_shop.read(change))["closed"]["result"] == "successful"


async def test_an_incident_that_goes_on_is_put_down_to_what_went_back(shop: Shop) -> None:
    change = await shop.deploy("a")
    await report(shop)

    await deployment_seen(shop.gate, back())

    (incident,) = await open_incidents(shop)
    assert methods(incident) == [(change["id"], "rollback")]


# From the inbox


async def test_what_waits_in_the_inbox_is_worked_on(shop: Shop) -> None:
    change = await shop.deploy("a", None)
    handlers = {incidents.KIND: incidents.work, observe.KIND: observe.work}
    broke = IncidentReport(
        "It broke",
        "checkout",
        "high",
        datetime.now(UTC),
        environment="prod",
        id="P1",
        source="pagerduty",
    )

    await inbox.receive(
        shop.gate,
        [
            observe.delivery(seen(), named="1", caller="token:h"),
            incidents.delivery(broke, named="2", caller="pagerduty"),
        ],
    )
    worked = await inbox.work(shop.gate, handlers)

    (incident,) = await open_incidents(shop)
    assert worked == 2
    assert (await shop.read(change))["state"] == "closed"
    assert (incident["created_by"], incident["title"], methods(incident)) == (
        "pagerduty",
        "It broke",
        [(change["id"], "window")],
    )


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
_AT = st.datetimes(timezones=st.just(UTC))


@given(
    st.builds(
        DeploymentReport,
        _TEXT,
        _TEXT,
        st.none() | _TEXT,
        st.none() | st.sampled_from(Result),
        _AT,
        _TEXT,
        digests=st.tuples(_TEXT),
    )
)
def test_a_deployment_is_read_as_it_was_written(value: DeploymentReport) -> None:
    assert reports.read_deployment(reports.write(value)) == value


@given(
    st.builds(
        IncidentReport,
        _TEXT,
        _TEXT,
        _TEXT,
        _AT,
        resolved_at=st.none() | _AT,
        reported_at=st.none() | _AT,
        reopened=st.booleans(),
    )
)
def test_an_incident_is_read_as_it_was_written(value: IncidentReport) -> None:
    assert reports.read_incident(reports.write(value)) == value
