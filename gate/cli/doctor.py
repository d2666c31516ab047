"""`gate doctor`: what is missing, what is wrong, and what to do about it."""

import os
import sys

from gate.cli import code_hosts, first_decision, reachable, receivers, spelling
from gate.cli.database import existing
from gate.cli.outcome import FAILED
from gate.config import PREFIX, Settings
from gate.core.rulebook.bundle import read_bundle
from gate.errors import GateError
from gate.flow.folder import read_folder
from gate.flow.identity.single_sign_on import CALLBACK
from gate.flow.key_place import key_place
from gate.flow.signing import read_key
from gate.storage.database.engine import shown
from gate.storage.messages import upkeep
from gate.storage.store import Store, transaction


def examine() -> None:
    """Print one line for each thing, and exit with code 1 if something must be mended."""
    settings = Settings.read()
    for name in Settings.model_fields:
        print(f"      {PREFIX}{name.upper()} = {getattr(settings, name)}")
    results = [_database(settings), _policies(settings), _key(settings), _sign_in(settings)]
    results += [*code_hosts.examine(settings), *receivers.examine(settings)]
    results += [*reachable.examine(settings), *_given_up(settings), *spelling.examine(os.environ)]
    for good, line in results:
        print(f"{'ok   ' if good else 'WRONG'} {line}")
    print("\nuntil the first verified decision:")
    for done, line in first_decision.examine(settings):
        print(f"{'ok   ' if done else 'to do'} {line}")
    if not all(good for good, _ in results):
        sys.exit(FAILED)


def _database(settings: Settings) -> tuple[bool, str]:
    try:
        Store.open(existing(settings)).close()
    except GateError as error:
        return False, f"database: {error.for_operators}"
    return True, f"database: {shown(settings.database)}"


def _given_up(settings: Settings) -> list[tuple[bool, str]]:
    """Return a line for each system whose reports, or whose messages, the gate has given up."""
    try:
        with transaction(existing(settings)) as tx:
            deliveries, messages = upkeep.incoming(tx.conn), upkeep.messages(tx.conn)
    except GateError:
        # The line about the database says why.
        return []
    lines = [
        (
            False,
            (
                f"deliveries of {one.name} that were given up: {one.dead} ({one.error}); mend "
                "that, and have them sent again"
            ),
        )
        for one in deliveries
        if one.dead
    ]
    lines += [
        (
            False,
            (
                f"messages for {one.name} that were given up: {one.dead} ({one.error}); mend that, "
                "and send them again (/v1/outbox)"
            ),
        )
        for one in messages
        if one.dead
    ]
    return lines or [(True, "deliveries and messages: none was given up")]


def _policies(settings: Settings) -> tuple[bool, str]:
    try:
        bundle = read_bundle(read_folder(settings.policies))
    except GateError as error:
        return False, f"policies: {error.for_operators}"
    return True, f"policies: {len(bundle.policies.all)} in {settings.policies.absolute()}"


def _key(settings: Settings) -> tuple[bool, str]:
    place = key_place(settings)
    if place is None:
        return False, (
            "signing key: no file is named, so nothing can be admitted; set GATE_SIGNING_KEY_FILE"
        )
    try:
        key = read_key(place.path, settings.address)
    except GateError as error:
        return False, error.for_operators
    if key is None:
        return False, (
            f"signing key: there is none at {place.path}, so nothing can be admitted; `gate "
            "ledger key` makes one"
        )
    return True, f"signing key: {key.verifier}"


def _sign_in(settings: Settings) -> tuple[bool, str]:
    """Return a line about single sign-on, of which all settings must be there, or none."""
    if settings.sso_lacks:
        return False, (
            f"single sign-on: off, because {', '.join(settings.sso_lacks)} is not set; "
            "set it, or unset the others"
        )
    if settings.sso_issuer is None:
        return True, "single sign-on: off; people sign in with passwords of their own"
    if not settings.base_url:
        return False, (
            "single sign-on: the provider sends people back to GATE_BASE_URL, which is not set"
        )
    return True, (
        f"single sign-on: {settings.sso_issuer} sends people back to {settings.address}{CALLBACK}"
    )
