"""Settings: `GATE_*` read once into one frozen object.

A setting `X` may also be given as the file `X_FILE`.
"""

import base64
import json
import os
import re
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from gate.errors import Fault, Invalid

PREFIX = "GATE_"
SECRET_FILE_BYTES_MAX = 64 * 1024
WEBHOOK_SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
WEBHOOK_SECRETS_MAX = 2
_WEEKLY_TIME = "^((mon|tue|wed|thu|fri|sat|sun) ([01][0-9]|2[0-3]):[0-5][0-9])?$"


class Activation(StrEnum):
    """Whether a new policy set comes into force at once, or after another person's activation."""

    AUTO = "auto"
    APPROVE = "approve"


class OnOff(StrEnum):
    """The values of a switch."""

    ON = "on"
    OFF = "off"


_ADDRESS = re.compile(
    r"https://[^\s/?#@\\]+(?:/[^\s?#\\]*)?"
    r"|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?(?:/[^\s?#\\]*)?"
)
ADDRESS_LENGTH_MAX = 500


def _safe_address(address: str) -> str:
    """Return the address, or raise if somebody on the way could read or change what is sent."""
    if len(address) > ADDRESS_LENGTH_MAX or not _ADDRESS.fullmatch(address):
        raise ValueError(
            f"found {address[:100]!r}, allowed is an https address, or http to this machine"
        )
    return address


_Address: TypeAlias = Annotated[str, AfterValidator(_safe_address)]


class IssuerSetting(BaseModel):
    """An issuer whose identity tokens are accepted.

    Without an audience, it is the gate's own address.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: _Address
    provider: Literal["github", "gitlab"]
    audience: (
        Annotated[str, StringConstraints(min_length=1, max_length=ADDRESS_LENGTH_MAX)] | None
    ) = None
    jwks_uri: _Address | None = None


class WebhookSetting(BaseModel):
    """A receiver of events.

    While its secret is rotated, two secrets are given, with a blank between them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    url: Annotated[
        str,
        StringConstraints(
            pattern=r"^https?://[^\s/@?#]+(?:[/?][^\s]*)?$", max_length=ADDRESS_LENGTH_MAX
        ),
    ]
    secret: SecretStr
    format: Literal["events", "cdevents"] = "events"

    @field_validator("secret")
    @classmethod
    def _strong(cls, secret: SecretStr) -> SecretStr:
        keys = [_signing_key(word) for word in secret.get_secret_value().split()]
        if not 1 <= len(keys) <= WEBHOOK_SECRETS_MAX or None in keys:
            raise ValueError(
                "allowed is whsec_ and the base64 of 24 to 64 random bytes, or two of "
                "these with a blank between them"
            )
        return secret

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The bytes of each secret, as they sign."""
        words = self.secret.get_secret_value().split()
        return tuple(key for word in words if (key := _signing_key(word)) is not None)


def _signing_key(word: str) -> bytes | None:
    try:
        key = base64.b64decode(word.removeprefix(WEBHOOK_SECRET_PREFIX), validate=True)
    except ValueError:
        return None
    return key if word.startswith(WEBHOOK_SECRET_PREFIX) and 24 <= len(key) <= 64 else None  # noqa: PLR2004 - of the specification


_WEBHOOKS = TypeAdapter(tuple[WebhookSetting, ...])


class Settings(BaseSettings):
    """The settings of an operator. Every default is safe."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="ignore", frozen=True, env_ignore_empty=True
    )

    database_url: Annotated[
        SecretStr, Field(description="SQLite under ./.gate/, or postgresql+psycopg://…")
    ] = SecretStr("")
    policies: Annotated[Path, Field(description="folder of the policy files")] = Path("policies")
    policy_activation: Annotated[
        Activation, Field(description="auto, or approve by a second person")
    ] = Activation.AUTO
    base_url: Annotated[str, Field(description="the address that people and tokens use")] = ""
    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[
        int, Field(ge=0, le=65_535, description="port to listen on; 0 takes a free one")
    ] = 8080
    token_approvals: Annotated[
        OnOff,
        Field(
            description="on: personal tokens approve, reject, override and activate too; "
            "off: people who are signed in"
        ),
    ] = OnOff.OFF
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        NoDecode,
        Field(
            description="networks of proxies whose X-Forwarded-For and -Proto count, with commas "
            "between them; default: none"
        ),
    ] = ()
    rate_limit: Annotated[
        int, Field(ge=0, description="requests a second and caller; 0 is no limit")
    ] = 100
    metrics_port: Annotated[
        int | None, Field(ge=1, le=65_535, description="a port for /metrics without a token")
    ] = None
    issuers: Annotated[
        tuple[IssuerSetting, ...] | None,
        NoDecode,
        Field(
            description="whose identity tokens are taken, as a JSON list; "
            "default: the public GitHub and GitLab"
        ),
    ] = None
    sso_issuer: Annotated[
        _Address | None,
        Field(
            description="the identity provider of people: an OpenID Connect issuer, exactly as it "
            "calls itself"
        ),
    ] = None
    sso_client_id: Annotated[str, Field(description="what that provider calls the gate")] = ""
    sso_client_secret: Annotated[
        SecretStr, Field(description="by what that provider knows the gate")
    ] = SecretStr("")
    signing_key_file: Annotated[
        Path | None, Field(description="default: gate.key beside the SQLite file")
    ] = None
    ledger_guard: Annotated[
        Path | None,
        Field(
            description="file with the last signed head, to notice a restored backup; default: the "
            "key's file and .guard"
        ),
    ] = None
    github_api_url: Annotated[
        _Address, Field(description="of a GitHub of your own: https://github.example.com/api/v3")
    ] = "https://api.github.com"
    github_app_id: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9._-]{0,100}$", description="id of the GitHub App that the gate is"
        ),
    ] = ""
    github_app_key: Annotated[
        SecretStr, Field(description="private key of the App, mostly as GATE_GITHUB_APP_KEY_FILE")
    ] = SecretStr("")
    github_webhook_secret: Annotated[
        SecretStr, Field(description="secret of the App's webhook")
    ] = SecretStr("")
    gitlab_url: Annotated[
        _Address, Field(description="of a GitLab of your own: https://gitlab.example.com")
    ] = "https://gitlab.com"
    gitlab_token: Annotated[SecretStr, Field(description="access token with scope api")] = (
        SecretStr("")
    )
    gitlab_webhook_token: Annotated[
        SecretStr, Field(description="secret token of the webhooks")
    ] = SecretStr("")
    gitlab_webhook_secret: Annotated[
        SecretStr,
        Field(description="signing token of the webhooks; unsigned ones are refused then"),
    ] = SecretStr("")
    issues: Annotated[
        tuple[Literal["github", "gitlab", "jira"], ...],
        NoDecode,
        Field(
            description="where issues of improvements may be opened and followed: github, gitlab, "
            "jira, with commas between them; default: nowhere"
        ),
    ] = ()
    github_issues_token: Annotated[
        SecretStr,
        Field(description="access token that may write issues, where no App is installed"),
    ] = SecretStr("")
    jira_url: Annotated[
        _Address | None, Field(description="of your Jira: https://jira.example.com")
    ] = None
    jira_user: Annotated[
        str, Field(description="e-mail of the account at Jira Cloud; empty for a server's token")
    ] = ""
    jira_token: Annotated[SecretStr, Field(description="API token of that account")] = SecretStr("")
    jira_project: Annotated[
        str,
        Field(
            pattern="^(?:[A-Z][A-Z0-9_]{0,99})?$", description="key of the project for issues: OPS"
        ),
    ] = ""
    jira_issue_type: Annotated[
        str, Field(min_length=1, max_length=100, description="type of the issues in that project")
    ] = "Task"
    jira_webhook_secret: Annotated[
        SecretStr, Field(description="secret of Jira's webhook for issues")
    ] = SecretStr("")
    pagerduty_webhook_secret: Annotated[
        SecretStr, Field(description="secret of PagerDuty's webhook subscription")
    ] = SecretStr("")

    webhooks: Annotated[
        SecretStr,
        Field(description="receivers of events, as a JSON list of name, url, secret and format"),
    ] = SecretStr("")
    outbound_allow: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        NoDecode,
        Field(
            description="networks of one's own that messages may be sent to, "
            "such as 10.1.0.0/16, with commas between them"
        ),
    ] = ()
    slack_webhook_url: Annotated[
        SecretStr, Field(description="incoming webhook of the channel that is asked for reviews")
    ] = SecretStr("")
    slack_signing_secret: Annotated[
        SecretStr, Field(description="signing secret of the Slack app, for its buttons")
    ] = SecretStr("")
    slack_weekly: Annotated[
        str,
        Field(pattern=_WEEKLY_TIME, description="when it gets the pack of last week: `mon 09:00`"),
    ] = ""

    @field_validator("webhooks")
    @classmethod
    def _receivers(cls, given: SecretStr) -> SecretStr:
        """Check the receivers, which `receivers` reads; an error never contains a secret."""
        try:
            names = [one.name for one in _read_webhooks(given)]
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = "/".join(map(str, first["loc"]))
            raise ValueError(
                f"{place}: {first['msg'].removeprefix('Value error, ')}".removeprefix(": ")
            ) from None
        if len(set(names)) != len(names):
            raise ValueError("found one name twice; name every receiver once")
        return given

    @field_validator("outbound_allow", "trusted_proxies", "issues", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        if isinstance(given, str):
            return [one.strip() for one in given.split(",") if one.strip()]
        return given

    @field_validator("base_url")
    @classmethod
    def _without_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @field_validator("issuers", mode="before")
    @classmethod
    def _from_json(cls, given: object) -> object:
        try:
            return json.loads(given) if isinstance(given, str) else given
        except (ValueError, RecursionError):
            detail = "found no JSON, allowed is a list of objects with issuer and provider"
            raise ValueError(detail) from None

    @field_validator("issuers")
    @classmethod
    def _each_once(
        cls, issuers: tuple[IssuerSetting, ...] | None
    ) -> tuple[IssuerSetting, ...] | None:
        names = [one.issuer for one in issuers or ()]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"found {name} twice; name every issuer once")
        return issuers

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources: arguments, then the environment.

        No `.env` file is read, so that the working folder changes nothing.
        """
        _ = settings_cls, dotenv_settings, file_secret_settings
        return (init_settings, env_settings)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None, **given: object) -> Self:
        """Return the settings of the environment and of the command line, which wins.

        Raises `Invalid`, which names each setting that is wrong.
        """
        values = _from_files(os.environ if environment is None else environment)
        values.update({name: value for name, value in given.items() if value is not None})
        try:
            return cls(**values)  # type: ignore[arg-type]  # pydantic checks each value, and says what is wrong
        except ValidationError as error:
            faults = [
                Fault(item["msg"].removeprefix("Value error, "), _where(item["loc"]))
                for item in error.errors()
            ]
            raise Invalid(
                "; ".join(f"{fault.where}: {fault.detail}" for fault in faults), faults=faults
            ) from None

    @property
    def database(self) -> str:
        """The database's address, with the default filled in."""
        given = self.database_url.get_secret_value()
        return given or f"sqlite:///{(Path.cwd() / '.gate' / 'gate.db').absolute()}"

    @property
    def receivers(self) -> tuple[WebhookSetting, ...]:
        """The receivers of events."""
        return _read_webhooks(self.webhooks)

    @property
    def sso_lacks(self) -> tuple[str, ...]:
        """The settings that single sign-on still needs, if some of them are given; empty if it is
        complete or not wanted.
        """
        given = {
            "GATE_SSO_ISSUER": self.sso_issuer,
            "GATE_SSO_CLIENT_ID": self.sso_client_id,
            "GATE_SSO_CLIENT_SECRET": self.sso_client_secret.get_secret_value(),
        }
        if any(given.values()):
            return tuple(name for name, value in given.items() if not value)
        return ()

    @property
    def address(self) -> str:
        """The gate's own address as people use it."""
        return self.base_url or f"http://{self.host}:{self.port}"


def _read_webhooks(given: SecretStr) -> tuple[WebhookSetting, ...]:
    return _WEBHOOKS.validate_json(given.get_secret_value() or "[]")


def _where(place: tuple[int | str, ...]) -> str:
    """Return the name of a setting: `GATE_PORT`, or inside a list `GATE_ISSUERS/0/provider`."""
    name, *inside = place
    return "/".join([f"{PREFIX}{name}".upper(), *map(str, inside)])


def _from_files(environment: Mapping[str, str]) -> dict[str, object]:
    """Return the secrets that are given as `…_FILE`, each without one final line break."""
    values: dict[str, object] = {}
    for name, field in Settings.model_fields.items():
        if field.annotation is not SecretStr:
            continue
        setting = f"{PREFIX}{name.upper()}_FILE"
        path = environment.get(setting)
        if path:
            try:
                content = Path(path).read_bytes()[:SECRET_FILE_BYTES_MAX]
                values[name] = content.decode().removesuffix("\n")
            except OSError as error:
                raise Invalid(f"{setting}: {path} cannot be read ({error.strerror})") from None
            except UnicodeDecodeError:
                raise Invalid(f"{setting}: {path} is no text, allowed is UTF-8") from None
    return values
