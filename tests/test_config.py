"""Settings that an operator writes, read strictly: whose identity tokens are taken, and secrets in
files.
"""

import json
from pathlib import Path

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
        (
            "nonsense",
            "GATE_ISSUERS: found no JSON, allowed is a list of objects with issuer and provider",
        ),
        (
            json.dumps([GITHUB, GITHUB]),
            f"GATE_ISSUERS: found {GITHUB['issuer']} twice; name every issuer once",
        ),
        (
            json.dumps([GITHUB | {"provider": "jenkins"}]),
            "GATE_ISSUERS/0/provider: Input should be 'github' or 'gitlab'",
        ),
        (
            json.dumps([GITHUB | {"audiences": []}]),
            "GATE_ISSUERS/0/audiences: Extra inputs are not permitted",
        ),
        (json.dumps([{"provider": "github"}]), "GATE_ISSUERS/0/issuer: Field required"),
        (
            json.dumps([GITHUB | {"audience": ""}]),
            "GATE_ISSUERS/0/audience: String should have at least 1 character",
        ),
    ],
)
def test_what_is_not_understood_is_said(
    text: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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
def test_an_issuer_is_asked_where_nobody_listens(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match="allowed is an https address, or http to this machine"):
        issuers(json.dumps([GITHUB | {name: address}]), monkeypatch)


def test_issuers_are_read_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {
        "issuer": "http://127.0.0.1:8081",
        "provider": "gitlab",
        "audience": "gate",
        "jwks_uri": "http://[::1]:8081/keys",
    }

    assert issuers(json.dumps([GITHUB, here]), monkeypatch) == (
        IssuerSetting(issuer=GITHUB["issuer"], provider="github"),
        IssuerSetting(
            issuer="http://127.0.0.1:8081",
            provider="gitlab",
            audience="gate",
            jwks_uri="http://[::1]:8081/keys",
        ),
    )
    assert issuers("[]", monkeypatch) == ()
    assert issuers("", monkeypatch) is None


def test_a_secret_file_that_is_no_text_is_said_without_its_content(tmp_path: Path) -> None:
    file = tmp_path / "database-url"
    file.write_bytes(b"postgresql://gate:\xff\xfe@host/gate")

    with pytest.raises(Invalid) as raised:
        Settings.read({"GATE_DATABASE_URL_FILE": str(file)})

    assert raised.value.detail == f"GATE_DATABASE_URL_FILE: {file} is no text, allowed is UTF-8"
    assert raised.value.__suppress_context__


def test_a_secret_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"GATE_DATABASE_URL_FILE: .* cannot be read"):
        Settings.read({"GATE_DATABASE_URL_FILE": str(tmp_path / "nothing")})
