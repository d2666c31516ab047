"""The credentials of a caller: an API token, or an identity token that the runner issues for this
job.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gate.client.connection.address import is_private
from gate.client.connection.http import Body, GateRequest, Http, Refused
from gate.client.world import World

AUDIENCE_FIELD = "&audience="
LENT = "GATE_HOST_TOKEN"
"""A variable and no flag, because everybody on the machine can see a command line."""


class NoCredentials(Exception):
    """There is no token, and no runner that would give one; the message says what to set."""


class Credentials:
    """Gives a token for each request, because an identity token is valid only for minutes."""

    def __init__(
        self, world: World, given: str | None, audience: str, mask: Callable[[str], None]
    ) -> None:
        self._world = world
        self._given = given or _from_file(world)
        self._audience = audience
        self._mask = mask

    @property
    def name_the_repository(self) -> bool:
        """Whether the credentials name the repository themselves.

        An identity token does, under the very issuer that made it, so the request leaves it out.
        """
        return not self._given

    def token(self) -> str:
        """Return the token to send now. Raises `NoCredentials`, or `Unreachable` if the runner
        does not answer.
        """
        if self._given:
            self._mask(self._given)
            return self._given
        env = self._world.env
        token = (
            self._of_github()
            if env.get("ACTIONS_ID_TOKEN_REQUEST_URL")
            else env.get("GATE_ID_TOKEN", "")
        )
        if not token:
            raise NoCredentials(
                "no token: set GATE_TOKEN; in GitHub the job may have id-token: write, in "
                "GitLab id_tokens with GATE_ID_TOKEN"
            )
        self._mask(token)
        return token

    def lent(self) -> str:
        """Return the job's own token at its code host, with which the gate may ask it, or "".

        The gate uses it only beside an identity token, and it is sent only where nobody on the way
        can read it.
        """
        token = self._world.env.get(LENT, "").strip()
        if not token or self._given or not is_private(self._audience):
            return ""
        self._mask(token)
        return token

    def _of_github(self) -> str:
        """Return a new identity token each time, because the gate binds each to its first use."""
        import urllib.parse  # noqa: PLC0415 - only where it is needed

        env = self._world.env
        url = env["ACTIONS_ID_TOKEN_REQUEST_URL"]
        if not is_private(url):
            raise NoCredentials(
                "ACTIONS_ID_TOKEN_REQUEST_URL is not https; the runner's identity token is "
                "not asked for"
            )
        address = f"{url}{AUDIENCE_FIELD}{urllib.parse.quote(self._audience, safe='')}"
        request_token = env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
        try:
            answer = Http(address, self._world).ask(
                GateRequest("GET", "", request_token, _no_value)
            )
        except Refused as error:
            raise NoCredentials(f"the runner gave no identity token: {error.detail}") from error
        return str(answer["value"])


def _no_value(body: Body) -> str | None:
    if isinstance(body.get("value"), str) and body["value"]:
        return None
    return "it has no value"


def _from_file(world: World) -> str | None:
    path = world.env.get("GATE_TOKEN_FILE")
    if not path:
        return None
    try:
        return Path(world.folder, path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NoCredentials(f"the file of GATE_TOKEN_FILE cannot be read: {error}") from error
