"""Joins the parts into one app. It is a long and dull list on purpose.

Importing this module, or calling `create_app`, starts nothing; only starting the app does.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog
from fastapi import FastAPI

from gate.api.router import attach, build_api
from gate.config import Activation, OnOff, Settings
from gate.connections import connections_of
from gate.core.catalogue.catalogue import PROVIDER_ISSUERS
from gate.core.learning.weeks import read_weekly_time
from gate.core.workload import Provider
from gate.flow.attempts import Attempts
from gate.flow.clock import Clock
from gate.flow.connections import Chore, Connections
from gate.flow.gate import Gate, Secrets
from gate.flow.key_place import guard_place, key_place
from gate.flow.learning import issues
from gate.flow.ledger.watch import Watch
from gate.flow.notifications import chat, events, remind, weekly
from gate.flow.notifications.notify import Deliver, Post
from gate.flow.passwords import Passwords
from gate.flow.pauses import Pauses
from gate.flow.rulebooks import Rulebooks
from gate.flow.signing import Signing, make_key, read_key
from gate.flow.troubles import Troubles
from gate.flow.waiters import Waiters
from gate.integrations.http.outbound import Outbound
from gate.integrations.identity.identity_tokens import IdentityTokens, Issuer
from gate.integrations.identity.jwks import Keys
from gate.integrations.identity.single_sign_on import Client, SingleSignOn
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
            attached = attach(app, gate, joined.hooks)
            attach_pages(app, gate)
            post = Post(gate, {**joined.deliveries, **receivers(settings, gate)})
            worker = Worker(
                gate,
                attached.access,
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
