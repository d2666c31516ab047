"""`gate doctor` about settings that are none: a misspelt one would be left out in silence (E26)."""

import pytest

from gate.cli.spelling import misspelt
from gate.config import Settings
from tests.cli.running import gate


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GATE_RATE_LIMT", "GATE_RATE_LIMIT"),
        ("GATE_GITHUB_APP_KEYFILE", "GATE_GITHUB_APP_KEY_FILE"),
        ("GATE_BASE_URL_FILE", "GATE_BASE_URL"),
        ("GATE_SSO_ISSUR", "GATE_SSO_ISSUER"),
    ],
)
def test_e26_a_misspelt_setting_is_named_with_what_is_meant(name: str, meant: str) -> None:
    assert list(misspelt([name])) == [
        f"setting: {name} is not a setting of the gate, so it has no effect; did you mean {meant}?"
    ]


def test_a_setting_that_is_like_no_other_is_named_too() -> None:
    assert list(misspelt(["GATE_QQQQQQQQ"])) == [
        (
            "setting: GATE_QQQQQQQQ is not a setting of the gate, so it has no effect; unset it, "
            "or name it otherwise"
        )
    ]


@pytest.mark.parametrize(
    "name",
    [
        *(f"GATE_{name.upper()}" for name in Settings.model_fields),
        *("GATE_SSO_CLIENT_SECRET_FILE", "GATE_DATABASE_URL_FILE"),
        *("GATE_URL", "GATE_TOKEN", "GATE_TOKEN_FILE", "GATE_ID_TOKEN", "GATE_STATE"),
        *(
            "GATE_IF_DOWN",
            "GATE_WAIT",
            "GATE_NO_ADMIT",
            "GATE_RESULT",
            "GATE_CHANGE",
            "GATE_DECISION",
        ),
        *("GATE_DEMO", "GATE_MIGRATE", "GATE_KEY", "GATE_EXPIRES_AT"),
        *("GATE_SERVICE_HOST", "GATE_SERVICE_PORT_HTTP", "GATE_PORT_8080_TCP_ADDR"),
        *("PATH", "gate_rate_limt", "GATEWAY_URL"),
    ],
)
def test_what_something_reads_is_not_misspelt(name: str) -> None:
    assert list(misspelt([name])) == []


def test_e26_the_doctor_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gate("db", "upgrade")
    monkeypatch.setenv("GATE_RATE_LIMT", "3")

    done = gate("doctor")

    assert done.code == 1
    assert (
        "WRONG setting: GATE_RATE_LIMT is not a setting of the gate, so it has no effect; did "
        "you mean GATE_RATE_LIMIT?" in done.out
    )
