"""Whose identity tokens are taken: a list that an operator writes, read strictly."""

import json

import pytest

from gate.config import IssuerSetting, Settings
from gate.errors import Invalid

GITHUB = {"issuer": "https://github.example.com/_services/token", "provider": "github"}


def issuers(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[IssuerSetting, ...] | None:
    """As the environment says it."""
    monkeypatch.setenv("GATE_ISSUERS", text)
    return Settings.read({}).issuers


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("nonsense", "GATE_ISSUERS: found no JSON, allowed is a list of objects with issuer and provider"),
        (json.dumps([GITHUB, GITHUB]), f"GATE_ISSUERS: found {GITHUB['issuer']} twice; name every issuer once"),
        (json.dumps([GITHUB | {"provider": "jenkins"}]), "GATE_ISSUERS/0/provider: Input should be 'github' or 'gitlab'"),
        (json.dumps([GITHUB | {"audiences": []}]), "GATE_ISSUERS/0/audiences: Extra inputs are not permitted"),
        (json.dumps([{"provider": "github"}]), "GATE_ISSUERS/0/issuer: Field required"),
        (json.dumps([GITHUB | {"audience": ""}]), "GATE_ISSUERS/0/audience: String should have at least 1 character"),
    ],
)
def test_what_is_not_understood_is_said(text: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid) as raised:
        issuers(text, monkeypatch)

    assert raised.value.detail == fault


@pytest.mark.parametrize("name", ["issuer", "jwks_uri"])
@pytest.mark.parametrize(
    "address",
    [
        "http://gitlab.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost@example.com",
        "https://user@gitlab.example.com",
        "https://gitlab.example.com?x=1",
        "https://gitlab.example.com#x",
        "https://",
        "ftp://127.0.0.1",
        "https://" + "a" * 500,
    ],
)
def test_an_issuer_is_asked_where_nobody_listens(name: str, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Invalid, match="allowed is an https address, or http to this machine"):
        issuers(json.dumps([GITHUB | {name: address}]), monkeypatch)


def test_issuers_are_read_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"issuer": "http://127.0.0.1:8081", "provider": "gitlab", "audience": "gate", "jwks_uri": "http://[::1]:8081/keys"}

    assert issuers(json.dumps([GITHUB, here]), monkeypatch) == (
        IssuerSetting(issuer=GITHUB["issuer"], provider="github"),
        IssuerSetting(issuer="http://127.0.0.1:8081", provider="gitlab", audience="gate", jwks_uri="http://[::1]:8081/keys"),
    )
    assert issuers("[]", monkeypatch) == ()
    assert issuers("", monkeypatch) is None
