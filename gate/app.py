"""Joins the parts into one app. It is a long and dull list on purpose.

Importing this module, or calling `create_app`, starts nothing; only starting the app does.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog
from fastapi import FastAPI

from gate.api.router import attach, build_api
from gate.config import Activation, OnOff, Settings
from gate.core.catalogue.catalogue import PROVIDER_ISSUERS
from gate.core.learning.issues import TrackerName
from gate.core.learning.weeks import read_weekly_time
from gate.core.workload import Provider
from gate.errors import Invalid
from gate.flow.attempts import Attempts
from gate.flow.clock import Clock
from gate.flow.connections import Chore, Connections, Hook, joined_by
from gate.flow.gate import Gate, Secrets
from gate.flow.key_place import guard_place, key_place
from gate.flow.learning import issues
from gate.flow.ledger.watch import Watch
from gate.flow.notifications import chat, events, remind, weekly
from gate.flow.notifications.notify import Deliver, Post
from gate.flow.passwords import Passwords
from gate.flow.pauses import Pauses
from gate.flow.ports import Tracker
from gate.flow.rulebooks import Rulebooks
from gate.flow.signing import Signing, make_key, read_key
from gate.flow.troubles import Troubles
from gate.flow.waiters import Waiters
from gate.flow.webhooks import code_hosts, held_runs
from gate.integrations.github.answers import GitHubAnswers
from gate.integrations.github.app import App
from gate.integrations.github.facts import HEADERS as GITHUB_HEADERS
from gate.integrations.github.facts import GitHub
from gate.integrations.github.facts import issuer_of as github_issuer
from gate.integrations.github.hook import GitHubHook
from gate.integrations.github.issues import DENIED as ISSUES_DENIED
from gate.integrations.github.issues import PERMISSIONS as ISSUES_PERMISSIONS
from gate.integrations.github.issues import GitHubIssues
from gate.integrations.github.lent import GitHubLender, TokenAccess
from gate.integrations.github.missed import send_missed_again
from gate.integrations.gitlab.answers import GitLabAnswers
from gate.integrations.gitlab.facts import HEADERS as GITLAB_HEADERS
from gate.integrations.gitlab.facts import GitLab
from gate.integrations.gitlab.hook import GitLabHook
from gate.integrations.gitlab.issues import GitLabIssues
from gate.integrations.http.client import OpenClient, open_client
from gate.integrations.http.outbound import Outbound
from gate.integrations.http.rest import Rest
from gate.integrations.identity.identity_tokens import IdentityTokens, Issuer
from gate.integrations.identity.jwks import Keys
from gate.integrations.identity.single_sign_on import Client, SingleSignOn
from gate.integrations.jira.hook import JiraHook
from gate.integrations.jira.issues import HEADERS as JIRA_HEADERS
from gate.integrations.jira.issues import JiraIssues
from gate.integrations.jira.issues import credential as jira_credential
from gate.integrations.slack import Slack
from gate.integrations.webhooks import Webhook, Webhooks
from gate.metrics import Metrics
from gate.storage import migrate
from gate.storage.database.engine import sqlite_path
from gate.storage.database.reports import Reports
from gate.storage.database.tx import Subscription
from gate.storage.database.watch import EVERYTHING, Topics
from gate.storage.identity.secrets import secret
from gate.storage.ledger import ledger
from gate.storage.store import Store
from gate.web.router import add_pages
from gate.web.router import attach as attach_pages
from gate.worker import Worker

HELD_RUNS = Chore("held runs", 1.0, held_runs.answer_due)
"""The chore that answers, every second, the runs that a code host holds and whose change was
settled."""

MISSED_SECONDS = 300.0
"""How often the gate looks for deliveries of GitHub that never arrived."""

_log = structlog.get_logger("gate")


def create_app(
    settings: Settings, *, upgrade: bool = False, connections: Connections | None = None
) -> FastAPI:
    """Return the whole service.

    `upgrade` lets it migrate a PostgreSQL database; an SQLite file is always migrated.
    `connections` replace those that the settings name.
    """
    metrics = Metrics()
    joined = connections_of(settings) if connections is None else connections

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        store = await asyncio.to_thread(open_store, settings, metrics, upgrade=upgrade)
        try:
            if settings.metrics_port is not None:
                metrics.listen(settings.host, settings.metrics_port)
            gate = await make_gate(settings, store, metrics)
            gate = replace(
                gate, hosts=joined.hosts, lenders=joined.lenders, trackers=joined.trackers
            )
            parts = attach(app, gate, joined.hooks)
            attach_pages(app, gate)
            post = Post(gate, {**joined.deliveries, **receivers(settings, gate)})
            worker = Worker(
                gate,
                parts.access,
                settings.policies,
                post=post,
                chores=(*joined.chores, *reminders(gate), *weekly_pack(settings, gate)),
            )
            await worker.clock()
            await worker.files()
            await worker.ledger()
            tasks = worker.start()
            _log.info(
                "ready",
                database=str(sqlite_path(settings.database) or "postgresql"),
                policies=str(settings.policies.absolute()),
            )
            try:
                yield
            finally:
                await worker.stop(tasks)
                await joined.close()
        finally:
            await asyncio.to_thread(store.close)

    app = build_api(metrics=metrics, lifespan=lifespan)
    add_pages(app)
    return app


def connections_of(settings: Settings, open_client: OpenClient = open_client) -> Connections:
    """Return every system that the settings name.

    Raises `Invalid` for a key that cannot sign, and for a tracker that lacks a setting.
    """
    return joined_by(
        _github(settings, open_client),
        _gitlab(settings, open_client),
        _trackers(settings, open_client),
    )


def _github(settings: Settings, open_client: OpenClient) -> Connections:
    issuer = github_issuer(settings.github_api_url)
    hook = GitHubHook(
        issuer, settings.github_api_url, settings.github_webhook_secret.get_secret_value()
    )
    key = settings.github_app_key.get_secret_value()
    rest = Rest(settings.github_api_url, GITHUB_HEADERS, open_client)
    # Also if there is an App, because it may be installed in some repositories only.
    lenders = {issuer: GitHubLender(rest)}
    if not settings.github_app_id or not key:
        return Connections(lenders=lenders, hooks={"github": hook}, close=rest.close)
    app = App(settings.github_app_id, key, rest)
    github = GitHub(rest, app)
    return Connections(
        hosts={issuer: github},
        lenders=lenders,
        deliveries={"github": GitHubAnswers(github)},
        hooks={"github": hook},
        chores=(
            HELD_RUNS,
            Chore(
                "github deliveries",
                MISSED_SECONDS,
                lambda gate: send_missed_again(rest, app, gate.clock),
            ),
        ),
        close=rest.close,
    )


def _gitlab(settings: Settings, open_client: OpenClient) -> Connections:
    issuer = settings.gitlab_url.rstrip("/")
    token = settings.gitlab_webhook_token.get_secret_value()
    secret = settings.gitlab_webhook_secret.get_secret_value()
    hook = GitLabHook(issuer, token=token, secret=secret)
    access = settings.gitlab_token.get_secret_value()
    if not access:
        return Connections(hooks={"gitlab": hook})
    rest = Rest(issuer, GITLAB_HEADERS, open_client)
    gitlab = GitLab(rest, access)
    return Connections(
        hosts={issuer: gitlab},
        deliveries={"gitlab": GitLabAnswers(gitlab)},
        hooks={"gitlab": hook},
        chores=(
            Chore(
                "gitlab deployments",
                code_hosts.LOOK_SECONDS,
                lambda gate: code_hosts.look_for_held(gate, issuer, gitlab.held),
            ),
            HELD_RUNS,
        ),
        close=rest.close,
    )


def _trackers(settings: Settings, open_client: OpenClient) -> Connections:
    """Return where issues of improvements may be opened: nowhere, if the settings name nothing.

    They are asked apart from what decisions ask, so that they take nothing from its pace.
    """
    rests: list[Rest] = []

    def rest(url: str, headers: Mapping[str, str]) -> Rest:
        rests.append(Rest(url, headers, open_client))
        return rests[-1]

    async def close() -> None:
        for one in rests:
            await one.close()

    made: dict[TrackerName, Tracker] = {}
    hooks: dict[str, Hook] = {}
    if "github" in settings.issues:
        made[TrackerName.GITHUB] = GitHubIssues(
            _github_for_issues(settings, rest(settings.github_api_url, GITHUB_HEADERS))
        )
    if "gitlab" in settings.issues:
        token = settings.gitlab_token.get_secret_value()
        _require("gitlab", GATE_GITLAB_TOKEN=token)
        gitlab = GitLab(rest(settings.gitlab_url, GITLAB_HEADERS), token)
        made[TrackerName.GITLAB] = GitLabIssues(gitlab)
    if "jira" in settings.issues:
        url, token = settings.jira_url or "", settings.jira_token.get_secret_value()
        project = settings.jira_project
        _require("jira", GATE_JIRA_URL=url, GATE_JIRA_TOKEN=token, GATE_JIRA_PROJECT=project)
        jira, by = rest(url, JIRA_HEADERS), jira_credential(settings.jira_user, token)
        made[TrackerName.JIRA] = JiraIssues(jira, by, project, settings.jira_issue_type)
        hooks["jira"] = JiraHook(jira.url, settings.jira_webhook_secret.get_secret_value())
    chores = (Chore("issues", issues.LOOK_SECONDS, issues.look_due),) if made else ()
    return Connections(trackers=made, hooks=hooks, chores=chores, close=close)


def _github_for_issues(settings: Settings, rest: Rest) -> GitHub:
    """Return GitHub with the right to write issues: as the App, or else with a token."""
    app_id, key = settings.github_app_id, settings.github_app_key.get_secret_value()
    if app_id and key:
        return GitHub(rest, App(app_id, key, rest, permissions=ISSUES_PERMISSIONS))
    token = settings.github_issues_token.get_secret_value()
    _require("github", GATE_GITHUB_ISSUES_TOKEN=token)
    return GitHub(rest, TokenAccess(rest, token, ISSUES_DENIED))


def _require(tracker: str, **given: str) -> None:
    lacking = ", ".join(name for name, value in given.items() if not value)
    if lacking:
        raise Invalid(f"GATE_ISSUES names {tracker}, and {lacking} is not set; set it")


def receivers(settings: Settings, gate: Gate) -> dict[str, Deliver]:
    """Subscribe the operator's webhooks and the chat to events, and return what delivers to them.

    Without any of them no message is written.
    """
    webhooks = {
        f"webhook:{one.name}": Webhook(one.url, one.keys, one.format == "cdevents")
        for one in settings.receivers
    }
    subscriptions_by_kind = (
        {kind: [Subscription(target) for target in webhooks] for kind in events.TYPES}
        if webhooks
        else {}
    )
    deliveries: dict[str, Deliver] = {
        "webhook": events.delivering(
            gate, Webhooks(webhooks, _outbound(settings), settings.address)
        )
    }
    if gate.trackers:
        deliveries[issues.TARGET] = issues.delivering(gate)
    if gate.chat is not None:
        deliveries[chat.TARGET] = chat.delivering(gate, gate.chat)
        for kind, subscriptions in chat.SUBSCRIPTIONS.items():
            subscriptions_by_kind.setdefault(kind, []).extend(subscriptions)
    gate.store.subscribe(subscriptions_by_kind)
    return deliveries


def reminders(gate: Gate) -> tuple[Chore, ...]:
    """Return the chore that reminds approvers of waiting changes, if there is a chat."""
    if gate.chat is None:
        return ()
    return (Chore("reminders", remind.EVERY_SECONDS, remind.remind),)


def weekly_pack(settings: Settings, gate: Gate) -> tuple[Chore, ...]:
    """Return the chore that posts the weekly pack, if there is a chat and a time for it."""
    if gate.chat is None or not settings.slack_weekly:
        return ()
    return (weekly.chore(read_weekly_time(settings.slack_weekly)),)


def _chat(settings: Settings) -> Slack | None:
    url = settings.slack_webhook_url.get_secret_value()
    if url:
        return Slack(url, settings.slack_signing_secret.get_secret_value(), _outbound(settings))
    return None


def _outbound(settings: Settings) -> Outbound:
    return Outbound(settings.outbound_allow)


def open_store(settings: Settings, metrics: Metrics, *, upgrade: bool) -> Store:
    """Open the database, and make or migrate it if that is allowed.

    Raises a `GateError` that says what to do.
    """
    if upgrade or sqlite_path(settings.database) is not None:
        migrate.upgrade(settings.database)
    troubles = Troubles(metrics)
    return Store.open(
        settings.database,
        reports=Reports(wrote=metrics.wrote, lasts=troubles.lasts, over=troubles.over),
    )


async def make_gate(settings: Settings, store: Store, metrics: Metrics) -> Gate:
    """Return what the functions of `flow` work with. Must be called in the running event loop."""
    waiters = Waiters()

    def wake(topics: Topics) -> None:
        if topics == EVERYTHING:
            waiters.wake_all()
        else:
            for topic in topics:
                waiters.wake(topic)

    store.on_change(wake)
    return Gate(
        store=store,
        rulebooks=Rulebooks(store),
        clock=Clock(),
        waiters=waiters,
        pauses=Pauses(),
        secrets=Secrets(
            change_tokens=await store.write(secret, "change_tokens"),
            cursors=await store.write(secret, "cursors"),
            sessions=await store.write(secret, "sessions"),
        ),
        metrics=metrics,
        troubles=Troubles(metrics),
        signing=await _signing(settings, store),
        ledger=Watch(guard_place(settings)),
        identify=identity_tokens(settings).verify,
        single_sign_on=single_sign_on(settings),
        chat=_chat(settings),
        passwords=Passwords(),
        attempts=Attempts(),
        base_url=settings.address,
        rate_limit=settings.rate_limit,
        activate_at_once=settings.policy_activation is Activation.AUTO,
        token_approvals=settings.token_approvals is OnOff.ON,
        trusted_proxies=settings.trusted_proxies,
        hook_secrets={"pagerduty": settings.pagerduty_webhook_secret.get_secret_value().encode()},
    )


def identity_tokens(settings: Settings) -> IdentityTokens:
    """Return the verifier of identity tokens, for the issuers in the settings or the
    public ones.
    """
    if settings.issuers is None:
        return IdentityTokens(
            [
                Issuer(url, Provider(name), settings.address, Keys(url))
                for name, url in PROVIDER_ISSUERS.items()
            ]
        )
    return IdentityTokens(
        [
            Issuer(
                one.issuer,
                Provider(one.provider),
                one.audience or settings.address,
                Keys(one.issuer, one.jwks_uri),
            )
            for one in settings.issuers
        ]
    )


def single_sign_on(settings: Settings) -> SingleSignOn | None:
    """Return the identity provider of people, if the settings name one."""
    if settings.sso_lacks:
        _log.warning(
            "single sign-on is off: a setting is missing", missing=list(settings.sso_lacks)
        )
    if settings.sso_issuer is None or settings.sso_lacks:
        return None
    return SingleSignOn(
        settings.sso_issuer,
        Client(settings.sso_client_id, settings.sso_client_secret.get_secret_value()),
    )


async def _signing(settings: Settings, store: Store) -> Signing:
    """Return the signing key, and make the first one of an SQLite database.

    Raises `Invalid` for a file that is no key.
    """
    place = key_place(settings)
    signing = Signing(None if place is None else place.path, settings.address)
    if place is not None:
        key = await asyncio.to_thread(read_key, place.path, settings.address)
        if key is None and place.may_make and await store.read(ledger.is_empty):
            await asyncio.to_thread(make_key, place.path, settings.address)
    problem = await signing.problem()
    if problem is not None:
        _log.warning(
            "decisions go on, and nothing is admitted",
            problem=problem,
            file=None if place is None else str(place.path),
        )
    return signing
