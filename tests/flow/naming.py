"""A model of who may not decide on a change: everybody who was ever named, by the catalogue of
now.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from gate.core.change import Change, Repository, Run
from gate.core.workload import Provider, Workload
from gate.flow.caller import Person
from tests.builders import ISSUER, SMALL, Wire, commit_of, image_of, make_person
from tests.flow.shop import CATALOGUE, make_files

NEEDED = 2
MANAGERS = ("ada", "ben", "chloe", "kofi", "lena")
GROUPS = {
    **dict.fromkeys(MANAGERS, "release-managers"),
    "farida": "team-payments",
    "ivan": "team-payments",
}
"""Everybody who may decide on a change of `checkout`."""

ACCOUNTS = {person: str(number) for number, person in enumerate(sorted(GROUPS), 1)}
"""The numbers of their accounts, which stay whatever login they have by now."""

REPOSITORY = Repository(ISSUER, 1001, "acme/checkout")
LARGE = {**SMALL, "diff.lines_added": 300}
_serial = count()


def address(person: str) -> str:
    """One that the catalogue knows."""
    return f"{person}@example.com"


def home(person: str) -> str:
    """One that the catalogue may learn, and forget."""
    return f"{person}@home.example"


def login(person: str) -> str:
    """At GitHub, which the catalogue may learn as well."""
    return f"github:{person}-at-home"


def files(at_home: Iterable[str]) -> dict[str, str]:
    """Its catalogue knows these people at home too; everything goes to people, and two decide."""
    catalogue = CATALOGUE.replace("github: [ada-ekberg]", "slack: U0ADA")
    catalogue = catalogue.replace("people: [ada, ben]", f"people: [{', '.join(MANAGERS)}]")
    for person in at_home:
        account = f'"{person}-at-home#{ACCOUNTS[person]}"'
        known = f"emails: [{address(person)}, {home(person)}], github: [{account}]"
        catalogue = catalogue.replace(f"emails: [{address(person)}]", known)
    policies = make_files(standard_changes="[]", unverified_authors="two", parallel="allow")
    return policies | {"catalog.yaml": catalogue}


def job(run: Run, actor: str, commit: str) -> Workload:
    """A job of the repository, started by whoever had this login, with a token of its own.

    People have changed their logins since the catalogue learnt them.
    """
    person = actor.removeprefix("github:").removesuffix("-at-home")
    account = ACCOUNTS.get(person, "")
    return Workload(
        issuer=ISSUER,
        provider=Provider.GITHUB,
        repository=REPOSITORY,
        commit=commit,
        run=run,
        jti=f"token-{next(_serial)}",
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
        login=f"{person}-by-now" if account else person,
        account=account,
        ref="refs/heads/main",
        event="push",
        services=frozenset({"checkout"}),
    )


def asked(letter: str, run: Run, authors: Iterable[str]) -> Change:
    """What a job asks for; its token says who started it."""
    return Change(
        service="checkout",
        environment="production",
        commit=commit_of(letter),
        artifacts=(image_of(letter),),
        run=run,
        authors=tuple(authors),
        claims=LARGE,
    )


def who(name: str) -> Person:
    """Somebody who is signed in."""
    return make_person(name, GROUPS[name])


@dataclass(eq=False, repr=False, slots=True)
class Life:
    """What the model knows of one change."""

    letter: str
    run: Run
    seen: Wire
    names: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)  # who was found to be excluded at some act
    approvers: set[str] = field(default_factory=set)  # whose approval was taken, and has not lapsed
    overriders: set[str] = field(default_factory=set)
    decided: int = 0  # how often, when it was looked at last

    def __repr__(self) -> str:
        approved = f"approved by {sorted(self.approvers)}"
        return f"<{self.letter} {self.seen['state']}, names {sorted(self.names)}, {approved}>"

    def excluded(self, known_at_home: Iterable[str]) -> set[str]:
        """Who may not decide now."""
        theirs = {address(person): person for person in GROUPS}
        for person in known_at_home:
            theirs |= {home(person): person, login(person): person}
        return self.kept | {theirs[name] for name in self.names if name in theirs}
