"""Which person is this? One person has many addresses and logins, and writes them in many ways.

Four rules, from strict to careful:

- **The same**: case, `+tag`, compatibility forms such as full-width letters, and the no-reply forms
  of GitHub and GitLab are folded away. Such a text *is* the person.
- **The same account**: `ben-gh#12` is the account 12 of its host, and so is the no-reply address
  with that number. A login can be changed by its owner, and then be taken by somebody else; the
  number stays. So whoever has the account is excluded under whatever login, and another account
  that took the login reviews nothing as that person.
- **Looks the same**: letters of another alphabet, or invisible characters, make a text look like
  somebody's. It is never that person, so nobody can act with it, but the person whom it imitates is
  excluded too, because a claim can only exclude more people.
- **A stranger**: anything else is a person of its own.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from gate.core.catalogue.catalogue import ERASED, Catalogue, Person

GITHUB_NO_REPLY = "users.noreply.github.com"
_NO_REPLY_HOST = "noreply."
"""The beginning of the domain of GitLab's machines; its people have `users.noreply.`"""

_NO_REPLY = re.compile(r"users\.noreply\.[a-z0-9.-]+")
_IN_BRACKETS = re.compile(r"[^<>]*<(?P<address>[^<>]+)>\s*")
_KINDS = ("github", "gitlab", "slack")
_NUMBERED = re.compile(r"(?:(?P<kind>github|gitlab):)?[^#@\s]+#(?P<number>[0-9]{1,18})")
_NUMBERED_ADDRESS = re.compile(
    r"(?P<number>[0-9]{1,18})(?P<sign>[+-])[^@\s]+@(?P<domain>users\.noreply\.[a-z0-9.-]+)"
)
_BOT = "[bot]"
_MACHINES = frozenset({"noreply@github.com", "github:web-flow", "web-flow"})
"""The addresses under which GitHub commits when somebody merges in the browser."""

_GITLAB_BOT = re.compile(
    r"(?:project|group)_?[0-9]+_bot_?[0-9a-z]*|service_account_(?:(?:project|group)_[0-9]+_)?[0-9a-f]+"
)
"""Logins that GitLab makes for access tokens of projects and groups, and for service accounts."""

NOBODY: frozenset[str] = frozenset()
SPELLINGS_KEPT_MAX = 4_096
"""How many spellings are kept with their normal form, because the same people ask all day."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """The people who may not approve.

    `strangers` are normalised texts of people outside the catalogue, each counted as one person.
    A bot is no person, so it is not among them.
    `shared` says that one of the texts belongs to several people, so that the person is unknown.
    """

    people: frozenset[str]
    strangers: tuple[str, ...]
    shared: bool = False


class Identities:
    """Finds the person of an identity, in one step for each."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._known: dict[str, frozenset[str]] = {}
        self._alike: dict[str, frozenset[str]] = {}
        self._same: dict[str, frozenset[str]] = {}
        self._accounts: dict[str, frozenset[str]] = {}
        # By login with its host, the accounts that the catalogue gives for it.
        self._accounts_of: dict[str, frozenset[str]] = {}
        for person in catalogue.people.values():
            ids = frozenset({person.id, *person.former})
            if person.former:
                self._same.update(dict.fromkeys(ids, ids))
        for person in catalogue.people.values():
            for key in keys(person):
                _add(self._known, key, person.id)
                _add(self._alike, _skeleton(key), person.id)
            for text in _hosted_texts(person):
                if account := account_in(text):
                    _add(self._accounts, account, person.id)
                    _add(self._accounts_of, normalised(text), account)
            # A key is no identity, and nobody can act by it. But a text that looks like a key may
            # mean its person, so it excludes that person.
            if person.key != ERASED:
                _add(self._alike, _skeleton(normalised(person.key or person.id)), person.id)

    def people(self, identity: str) -> frozenset[str]:
        """Return the people with this identity; there are several only for a login without host."""
        return self._known.get(normalised(identity), NOBODY)

    def holders(self, identity: str) -> frozenset[str]:
        """Return the people whose account has the number in this text, whatever login it has."""
        return self._accounts.get(account_in(identity), NOBODY)

    def reviewing(self, identity: str) -> frozenset[str]:
        """Return the people whose account at a code host this is.

        It is nobody's if the catalogue gives another number for the login: its owner has changed
        it, and somebody else took it.
        """
        account, known = account_in(identity), self._accounts_of.get(normalised(identity))
        if account and known and account not in known:
            return NOBODY
        return self.people(identity)

    def person(self, identity: str) -> str | None:
        """Return the person with this identity, or None for nobody, a bot, or several people."""
        found = self.people(identity)
        return next(iter(found)) if len(found) == 1 else None

    def same(self, people: Iterable[str]) -> frozenset[str]:
        """Return these people under all their ids: whoever left and came back has several, and did
        something under each of them.
        """
        found = frozenset(people)
        return found.union(*(self._same[one] for one in found if one in self._same))

    def excluded(self, texts: Iterable[str]) -> Excluded:
        """Return everybody whom these texts name or imitate.

        `ERASED` stands for a name that was erased. It may have been anybody's, so the list counts
        as one with a shared identity, and one approver alone is not enough.
        """
        people: set[str] = set()
        strangers: dict[str, None] = {}
        shared = False
        for text in texts:
            key = normalised(text)
            found = self._known.get(key)
            people |= self.holders(text)
            if key == ERASED:
                strangers[key] = None
                shared = True
            elif found:
                people |= found
                shared = shared or len(found) > 1
            elif key and not is_bot(key):
                strangers[key] = None
                people |= self._alike.get(_skeleton(key), NOBODY)
        return Excluded(frozenset(people), tuple(strangers), shared)


def keys(person: Person) -> tuple[str, ...]:
    """Return the normalised texts that are this person; a login both with and without its host."""
    found = hosted(person)
    bare = (key.partition(":")[2] for key in found if key.partition(":")[0] in _KINDS)
    return tuple(dict.fromkeys((*found, *bare)))


def hosted(person: Person) -> tuple[str, ...]:
    """Return the normalised texts that are only this person: addresses, and logins with their host.

    Texts of bots are left out, because a bot is no person.
    """
    found = [normalised(address) for address in person.emails if address != ERASED]
    logins = {
        "github": person.github,
        "gitlab": person.gitlab,
        "slack": (person.slack,) if person.slack else (),
    }
    found += [
        f"{kind}:{normalised(login)}"
        for kind, texts in logins.items()
        for login in texts
        if login != ERASED
    ]
    return tuple(key for key in dict.fromkeys(found) if key and not is_bot(key))


def account_numbers(person: Person) -> frozenset[str]:
    """Return the accounts whose numbers the catalogue has, such as `github#12`."""
    return frozenset(filter(None, map(account_in, _hosted_texts(person))))


def _hosted_texts(person: Person) -> tuple[str, ...]:
    """Return the texts of a person as they are written that may name an account by its number."""
    github = (f"github:{login}" for login in person.github)
    gitlab = (f"gitlab:{login}" for login in person.gitlab)
    return (*github, *gitlab, *person.emails)


@lru_cache(SPELLINGS_KEPT_MAX)
def account_in(text: str) -> str:
    """Return the account that a text names by its number, such as `github#12`, or an empty text."""
    spelled = text.strip().lower()
    if "<" in spelled and (bracketed := _IN_BRACKETS.fullmatch(spelled)):
        spelled = bracketed["address"].strip()
    if found := _NUMBERED.fullmatch(spelled):
        return f"{found['kind']}#{int(found['number'])}" if found["kind"] else ""
    found = _NUMBERED_ADDRESS.fullmatch(spelled)
    if found is None or (found["sign"] == "-" and found["domain"] == GITHUB_NO_REPLY):
        return ""
    kind = "github" if found["sign"] == "+" else "gitlab"
    return f"{kind}#{int(found['number'])}"


def is_bot(key: str) -> bool:
    """Return whether a normalised text names a machine, by its login or its address."""
    if key.endswith(_BOT) or key in _MACHINES:
        return True
    login, _, domain = key.partition("@")
    return _GITLAB_BOT.fullmatch(login.removeprefix("gitlab:")) is not None and (
        not domain or domain.startswith(_NO_REPLY_HOST)
    )


@lru_cache(SPELLINGS_KEPT_MAX)
def normalised(text: str) -> str:
    """Return the one spelling for all spellings of an address or a login.

    Examples are `ada@example.com`, `ada-gh` and `github:ada-gh`.
    """
    if text.isascii():
        return _address(text.strip().lower())
    # Folded twice, because compatibility forms bring out letters that have a case, and letters
    # without case may compose to others.
    return unicodedata.normalize("NFKC", _address(_folded(_folded(text)).strip()))


def _address(folded: str) -> str:
    if "<" in folded and (bracketed := _IN_BRACKETS.fullmatch(folded)):
        folded = bracketed["address"].strip()
    if "@" not in folded:
        return folded.partition("#")[0] if _NUMBERED.fullmatch(folded) else folded
    local, _, domain = "".join(folded.split()).rpartition("@")
    domain = _readable(domain.rstrip("."))
    # "@ada-gh", as people write a login.
    if not local:
        return domain
    if _NO_REPLY.fullmatch(domain):
        return _no_reply(local, domain)
    return f"{local.partition('+')[0] or local}@{domain}"


def _no_reply(local: str, domain: str) -> str:
    """Return the login in a no-reply address.

    `ID+login` is GitHub's form and `ID-login` GitLab's. A login alone is GitHub's old form, or that
    of some server.
    """
    number, _, login = local.partition("+")
    if login and number.isdecimal():
        return f"github:{login}"
    if domain == GITHUB_NO_REPLY:
        return f"github:{local}"
    number, _, login = local.partition("-")
    return f"gitlab:{login}" if login and number.isdecimal() else local


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _readable(domain: str) -> str:
    """Return a domain with letters instead of Punycode.

    So both spellings of a domain are one, and a domain that imitates another one is found.
    """
    if "xn--" not in domain or not domain.isascii():
        return domain
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain


def _add(index: dict[str, frozenset[str]], key: str, one: str) -> None:
    index[key] = index.get(key, NOBODY) | {one}


# Letters of other alphabets that a reader takes for the Latin one beside them. Case is folded
# before, so Cyrillic and Greek capitals are here as their small letters. The list is not complete,
# and need not be, because all it does is to exclude more people.
_PAIRS = (
    "аa вb еe кk мm нh оo рp сc тt уy хx ѕs іi јj ԁd һh ӏl ԛq ԝw ьb "  # noqa: RUF001 - look-alikes are the point
    "αa βb εe ζz ηn ιi κk μm νv οo ρp τt υu χx ωw "  # noqa: RUF001 - the same
    "ɑa ɡg ıi ǀl օo սu ոn հh ցg"  # noqa: RUF001 - the same
)
_LOOKS_LIKE = {ord(pair[0]): pair[1] for pair in _PAIRS.split()}
_INVISIBLE = frozenset({"Cc", "Cf", "Me", "Mn", "Zs"})


def _skeleton(key: str) -> str:
    """Return what a normalised text looks like, to find who is imitated, never to find
    who it is.
    """
    kind, colon, login = key.partition(":")
    shape = login if colon and kind in _KINDS else key
    if shape.isascii() and shape.isprintable():
        return shape.replace(" ", "")
    parts = unicodedata.normalize("NFD", shape)
    return "".join(
        letter for letter in parts if unicodedata.category(letter) not in _INVISIBLE
    ).translate(_LOOKS_LIKE)
