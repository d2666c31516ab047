"""`gate doctor`: what is missing, and what to do about it; never a secret."""

from pathlib import Path

import pytest

from gate.config import Settings
from gate.storage.messages import inbox
from gate.storage.messages.inbox import InboxDelivery
from gate.storage.store import transaction
from tests.cli.running import gate
from tests.single_sign_on import people_provider

NO_DATABASE = (
    "there is no database at {}/.gate/gate.db; set GATE_DATABASE_URL to the one that the running "
    "gate names in its first line (gate serve or gate db upgrade makes a new one)"
)


def lines(out: str, mark: str) -> list[str]:
    """What it says of the things that are so."""
    return [line.removeprefix(mark).strip() for line in out.splitlines() if line.startswith(mark)]


def test_an_empty_place_lacks_everything(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_POLICIES", "nowhere")

    done = gate("doctor")

    assert done.code == 1
    assert lines(done.out, "WRONG") == [
        f"database: {NO_DATABASE.format(here)}",
        (
            "policies: nowhere is no folder; name the folder of your policies with --policies "
            "or GATE_POLICIES"
        ),
        (
            f"signing key: there is none at {here}/.gate/gate.key, so nothing can be admitted; "
            "`gate ledger key` makes one"
        ),
    ]


def test_all_is_well_after_the_first_steps(here: Path) -> None:
    gate("db", "upgrade")

    done = gate("doctor")

    assert (done.code, lines(done.out, "WRONG")) == (0, [])
    assert lines(done.out, "ok")[:2] == [
        f"database: {here}/.gate/gate.db",
        f"policies: 2 in {here}/policies",
    ]


def test_secrets_are_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATE_DATABASE_URL", "postgresql+psycopg://gate:hunter2@127.0.0.1:1/gate")

    done = gate("doctor")

    assert done.code == 1
    assert "hunter2" not in done.out + done.err
    assert "GATE_DATABASE_URL = **********" in done.out


@pytest.mark.parametrize(
    ("name", "value"),
    [("GATE_PORT", "99999"), ("GATE_POLICY_ACTIVATION", "maybe"), ("GATE_RATE_LIMIT", "-1")],
)
def test_a_setting_that_cannot_be_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    done = gate("doctor")

    assert (done.code, done.err.startswith(name)) == (1, True)


SSO = {
    "GATE_SSO_ISSUER": "https://id.example.com",
    "GATE_SSO_CLIENT_ID": "gate",
    "GATE_SSO_CLIENT_SECRET": "hunter2",
}


@pytest.mark.parametrize("missing", sorted(SSO))
def test_half_a_single_sign_on_is_wrong_and_what_is_missing_is_named(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate("db", "upgrade")
    for name, value in SSO.items():
        if name != missing:
            monkeypatch.setenv(name, value)

    done = gate("doctor")

    assert done.code == 1
    assert lines(done.out, "WRONG") == [
        f"single sign-on: off, because {missing} is not set; set it, or unset the others"
    ]
    assert "hunter2" not in done.out + done.err


def test_single_sign_on_needs_the_address_that_people_come_back_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate("db", "upgrade")
    with people_provider() as provider:
        for name, value in (SSO | {"GATE_SSO_ISSUER": provider.url}).items():
            monkeypatch.setenv(name, value)

        without = gate("doctor")
        monkeypatch.setenv("GATE_BASE_URL", "https://gate.example.com")
        complete = gate("doctor")

    assert lines(without.out, "WRONG") == [
        "single sign-on: the provider sends people back to GATE_BASE_URL, which is not set"
    ]
    found = (
        f"single sign-on: {provider.url} sends people back to "
        "https://gate.example.com/login/sso/callback"
    )
    answers = f"single sign-on answers: {provider.url} describes itself and has keys"
    assert (complete.code, {found, answers} <= set(lines(complete.out, "ok"))) == (0, True)


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.com",
        "id.example.com",
        "https://ada:x@id.example.com",
        "ftp://id.example.com",
    ],
)
def test_an_issuer_that_somebody_could_overhear_is_refused(
    issuer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_SSO_ISSUER", issuer)

    done = gate("doctor")

    assert (done.code, done.err.startswith("GATE_SSO_ISSUER: ")) == (1, True)


def test_the_secret_may_stand_in_a_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "secret").write_text("hunter2\n")
    monkeypatch.setenv("GATE_BASE_URL", "https://gate.example.com")
    gate("db", "upgrade")
    with people_provider() as provider:
        for name, value in (SSO | {"GATE_SSO_ISSUER": provider.url}).items():
            monkeypatch.setenv(
                name if "SECRET" not in name else f"{name}_FILE",
                value if "SECRET" not in name else "secret",
            )
        done = gate("doctor")

    assert (done.code, "hunter2" in done.out) == (0, False)


def test_c17_what_was_given_up_is_wrong_until_it_is_mended() -> None:
    gate("db", "upgrade")
    before = gate("doctor")
    found = InboxDelivery("pagerduty", "E1", "incident", "pagerduty", b"{}")
    with transaction(Settings.read().database) as tx:
        inbox.add(tx, [found])
        inbox.give_up(tx, found.source, found.key, error="no such service")
    given_up = gate("doctor")
    with transaction(Settings.read().database) as tx:
        inbox.add(tx, [found])  # it is sent again
    again = gate("doctor")

    assert "deliveries and messages: none was given up" in lines(before.out, "ok")
    assert given_up.code == 1
    assert lines(given_up.out, "WRONG") == [
        (
            "deliveries of pagerduty that were given up: 1 (no such service); mend that, and have "
            "them sent again"
        )
    ]
    assert again.code == 0
