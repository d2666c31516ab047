"""Imports from GitHub and GitLab.

Deployments and incidents come first, then the facts of each deployment, newest first.

Every page is stored before the next one is requested, so an import that was stopped or lost the
network continues with the same command.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from gate.cli.past.clone import Measures
from gate.cli.past.tables import incidents_in
from gate.cli.past.target import ImportTarget
from gate.cli.progress import clear_bar, show_bar
from gate.client.show.text import visible
from gate.config import Settings
from gate.core.change import Change, Repository
from gate.core.durations import ALLOWED, read_duration
from gate.core.facts import Value
from gate.core.messages.host import HostFacts, HostQuestion, confirmed
from gate.core.past import PastDeployment, PastFacts
from gate.errors import Invalid, SourceUnavailable
from gate.flow.changes.listen import verified
from gate.integrations import pagerduty_past
from gate.integrations.code_host.past import Ended, HostPast, IncidentQuery
from gate.integrations.github.app import App
from gate.integrations.github.facts import HEADERS as GITHUB_HEADERS
from gate.integrations.github.facts import GitHub
from gate.integrations.github.facts import issuer_of as github_issuer
from gate.integrations.github.lent import GitHubLender
from gate.integrations.github.past import GitHubPast
from gate.integrations.gitlab.facts import HEADERS as GITLAB_HEADERS
from gate.integrations.gitlab.facts import GitLab
from gate.integrations.gitlab.past import GitLabPast
from gate.integrations.http.patient import PatientRest

DAYS_MAX = 366
HOST_SECONDS_MAX = 4 * 3_600.0
"""The longest time for the facts of one deployment, including the pauses that the host's rate limit
asks for."""


@dataclass(frozen=True, slots=True)
class PagerDuty:
    """The service of PagerDuty that is imported, if any, and how it is read."""

    service: str | None
    token: str = field(repr=False)
    url: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """The flags of `gate import github` and `gate import gitlab`."""

    service: str
    since: str
    clone: Path | None
    host_token: str
    incident_label: str | None
    pagerduty: PagerDuty
    incidents: Path | None


def run(provider: str, wanted: Wanted) -> None:
    """Import from one host, and say what came of it."""
    settings = Settings.read()
    target = ImportTarget(settings)
    target.require_service(wanted.service)
    if wanted.pagerduty.service is not None and not wanted.pagerduty.token:
        raise Invalid("--pagerduty-service needs an access key in GATE_PAGERDUTY_TOKEN")
    since = target.now - _look_back(wanted.since)
    issuer, rest, host = _connected(provider, settings, wanted.host_token)
    service = target.book.catalogue.services[wanted.service]
    repositories = [one for one in service.repositories if one.issuer == issuer]
    if not repositories:
        raise Invalid(
            f"the catalogue in force gives {wanted.service} no repository of {issuer}; add it to "
            "`repositories` with its numeric id"
        )
    measures = Measures(wanted.clone) if wanted.clone is not None else None
    work = Import(target, host, wanted, since, rest.host, measures)
    try:
        asyncio.run(work.all(repositories, rest))
    except SourceUnavailable as error:
        clear_bar()
        target.say(wanted.service)
        said = _safe(error.detail, _secrets(settings, wanted))
        raise SourceUnavailable(
            f"{said}; what was read until then is kept, and the same command goes on there"
        ) from None
    except KeyboardInterrupt:
        clear_bar()
        print("stopped; the same command goes on from here", file=sys.stderr)
    target.say(wanted.service)


class Import:
    """One run of the command."""

    def __init__(
        self,
        target: ImportTarget,
        host: HostPast,
        wanted: Wanted,
        since: datetime,
        address: str,
        measures: Measures | None,
    ) -> None:
        self._target = target
        self._host = host
        self._wanted = wanted
        self._since = since
        self._address = address
        self._measures = measures

    async def all(self, repositories: Sequence[Repository], rest: PatientRest) -> None:
        """Import everything that the command asks for."""
        try:
            for repository in repositories:
                await self._deployed(repository)
                await self._broke(repository)
            await self._paged()
            if self._wanted.incidents is not None:
                self._target.keep_incidents(incidents_in(self._wanted.incidents, self._target.book))
            for repository in repositories:
                await self._measure(repository)
        finally:
            await rest.close()
            clear_bar()

    async def _deployed(self, repository: Repository) -> None:
        source, seen = self._source(repository), 0
        known = self._target.known_keys(source)
        async for page in self._host.deployments(repository, self._since, known):
            found = [self._of_ours(source, one.ended) for one in page if one.ended is not None]
            self._target.keep_deployments([one for one in found if one is not None])
            self._target.tally.known += sum(one.is_known for one in page)
            self._target.tally.not_ended += sum(
                one.ended is None and not one.is_known for one in page
            )
            seen += len(page)
            show_bar(f"{seen} deployments seen", 0, 1)

    def _of_ours(self, source: str, one: Ended) -> PastDeployment | None:
        environment = self._target.environment_named(one.environment)
        if environment is None:
            return None
        return PastDeployment(
            source=source,
            key=one.key,
            service=self._wanted.service,
            environment=environment,
            commit=one.commit,
            began_at=one.began_at,
            ended_at=one.ended_at,
            result=one.result,
            ref=one.ref,
        )

    async def _broke(self, repository: Repository) -> None:
        label = self._wanted.incident_label
        if label is None:
            return
        query = IncidentQuery(self._source(repository), self._wanted.service, label, self._since)
        async for page in self._host.incidents(repository, query):
            self._target.keep_incidents(page)

    async def _paged(self) -> None:
        paged = self._wanted.pagerduty
        if paged.service is None:
            return
        rest = PatientRest(paged.url, pagerduty_past.HEADERS, _say_pause)
        try:
            pages = pagerduty_past.incidents(
                rest,
                paged.token,
                paged.service,
                self._wanted.service,
                self._since,
                self._target.now,
            )
            async for page in pages:
                self._target.keep_incidents(page)
        finally:
            await rest.close()

    async def _measure(self, repository: Repository) -> None:
        """Fetch the facts of each deployment that has none yet."""
        left = self._target.unmeasured(self._source(repository))
        for number, (deployment, ran) in enumerate(left):
            show_bar(f"what was in them: {number} of {len(left)}", number, len(left))
            facts, is_whole = await self._facts(repository, deployment, ran)
            self._target.keep_facts(deployment, facts, is_whole=is_whole)

    async def _facts(
        self, repository: Repository, deployment: PastDeployment, ran: str | None
    ) -> tuple[PastFacts, bool]:
        ask = HostQuestion(
            repository=repository,
            commit=deployment.commit,
            base=ran,
            claimed_base=None,
            # With an environment and no base, the base would be what runs there today.
            environments=(),
            ref=deployment.ref,
            proves_ref=False,
            run=None,
        )
        heard = await self._heard(ask)
        change = Change(deployment.service, deployment.environment, deployment.commit)
        book = self._target.book
        claims: dict[str, Value] = {}
        is_named = False
        if self._measures is not None:
            claims, is_named = await asyncio.to_thread(
                self._measures.claims, deployment.commit, ran, deployment.began_at
            )
        facts = PastFacts(
            verified=verified(heard, change, book),
            claimed=claims,
            is_named=is_named or bool(heard.hands),
            is_confirmed=heard.base is not None and confirmed(heard, book.identities),
        )
        has_size = "diff.lines_added" in {**facts.claimed, **facts.verified}
        return facts, has_size and not heard.trouble

    async def _heard(self, ask: HostQuestion) -> HostFacts:
        try:
            async with asyncio.timeout(HOST_SECONDS_MAX):
                return await self._host.facts(ask)
        except TimeoutError:
            raise SourceUnavailable(
                f"the host did not say within {HOST_SECONDS_MAX / 3_600:g} hours what was in "
                f"{ask.commit}"
            ) from None

    def _source(self, repository: Repository) -> str:
        return f"{self._address}/{repository.id}"


def _look_back(text: str) -> timedelta:
    seconds = read_duration(text)
    longest = timedelta(days=DAYS_MAX)
    if seconds is None or timedelta(seconds=seconds) > longest:
        raise Invalid(f"--since {text}: allowed is {ALLOWED}, here at most {DAYS_MAX}d")
    return timedelta(seconds=seconds)


def _connected(provider: str, settings: Settings, token: str) -> tuple[str, PatientRest, HostPast]:
    """Return the issuer of the host's identity tokens, its connection, and the reader on top of it.

    Raises `Invalid` if there is no token for it.
    """
    if provider == "gitlab":
        address = settings.gitlab_url.rstrip("/")
        access = token or settings.gitlab_token.get_secret_value()
        if not access:
            raise Invalid(
                "GitLab lets nobody in without a token; set GATE_HOST_TOKEN to one with `read_api`"
            )
        rest = PatientRest(address, GITLAB_HEADERS, _say_pause)
        return address, rest, GitLabPast(GitLab(rest, access))
    rest = PatientRest(settings.github_api_url, GITHUB_HEADERS, _say_pause)
    issuer = github_issuer(settings.github_api_url)
    if token:
        return issuer, rest, GitHubPast(GitHubLender(rest).lent(token))
    key = settings.github_app_key.get_secret_value()
    if not settings.github_app_id or not key:
        raise Invalid(
            "GitHub lets nobody in without a token; set GATE_HOST_TOKEN to one that reads the "
            "repository (`gh auth token` prints yours), or configure the App"
        )
    return issuer, rest, GitHubPast(GitHub(rest, App(settings.github_app_id, key, rest)))


def _secrets(settings: Settings, wanted: Wanted) -> tuple[str, ...]:
    return (
        wanted.host_token,
        settings.gitlab_token.get_secret_value(),
        wanted.pagerduty.token,
    )


def _safe(said: str, secrets: tuple[str, ...]) -> str:
    """Return a text of a host that is safe to print: a host may echo the token that it was sent."""
    for secret in filter(None, secrets):
        said = said.replace(secret, "(the token)")
    return visible(said)


def _say_pause(seconds: int) -> None:
    clear_bar()
    print(
        f"the host's rate limit is reached: waiting {seconds} s; whoever stops it goes on later "
        "with the same command",
        file=sys.stderr,
    )
