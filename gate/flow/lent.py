"""A pipeline lends its token, with which the gate asks the code host during one request.

That is for repositories to which the gate has no access of its own. The token allows no more than
its lender may do, is forgotten after the request, and is used for one repository only: the one that
the identity token beside it proves. It gets into no record, no log and no error.
"""

from dataclasses import dataclass, field, replace

from gate.core.change import Change, Repository
from gate.core.decision.guards import HOST_FACTS_FRESH_MINUTES
from gate.core.messages.host import HostFacts, HostQuestion
from gate.core.messages.host_reports import RunSeen
from gate.core.workload import Workload
from gate.errors import NotInstalled, SourceUnavailable
from gate.flow.caller import Caller
from gate.flow.changes.listen import repository_of
from gate.flow.gate import Gate
from gate.flow.ports import CodeHost
from gate.flow.rulebooks import Rulebook

HIDDEN = "(the lent token)"


def lend(gate: Gate, by: Caller, token: str) -> Gate:
    """Return the gate for this one request, with a code host that is asked with the lent token.

    The gate is returned as it is without a token, or if there is no identity token of the same
    host beside it. Where the gate has an access of its own, that is tried first.
    """
    if not token or not isinstance(by, Workload):
        return gate
    lender = gate.lenders.get(by.issuer)
    if lender is None:
        return gate
    host: CodeHost = LentHost(lender.lent(token), by.repository, token)
    own = gate.hosts.get(by.issuer)
    if own is not None:
        host = OwnOrLentHost(own, host)
    return replace(gate, hosts={**gate.hosts, by.issuer: host})


def without_kept(gate: Gate, change: Change, book: Rulebook) -> Gate:
    """Return the gate with a host that does not answer, if it has none of its own for this change.

    Otherwise a caller who lends no token would get by with what was read for an earlier decision.
    """
    repository = repository_of(change, book)
    if repository is None or repository.issuer in gate.hosts:
        return gate
    return replace(gate, hosts={**gate.hosts, repository.issuer: NothingLent()})


@dataclass(frozen=True, slots=True)
class NothingLent:
    """The code host of a repository that the gate cannot ask now."""

    name: str = "the code host"

    async def facts(self, question: HostQuestion) -> HostFacts:
        """Raise `SourceUnavailable`, because no token was lent to read facts."""
        raise SourceUnavailable(
            f"the code host was asked more than {HOST_FACTS_FRESH_MINUTES} minutes ago, and no job "
            f"lent its token to ask again about {question.commit[:12]}"
        )

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """Raise `SourceUnavailable`, because no token was lent to read the run."""
        raise SourceUnavailable(f"no token was lent to read run {run} of {repository.id}")


@dataclass(frozen=True, slots=True)
class OwnOrLentHost:
    """The gate's own access, and the lent one for a repository in which the App is not installed.

    After any other failure the lent one is not tried. Otherwise a caller could get other facts by
    asking at a moment when the gate's own access fails.
    """

    own: CodeHost
    lent: CodeHost

    @property
    def name(self) -> str:
        """The host that is asked."""
        return self.own.name

    async def facts(self, question: HostQuestion) -> HostFacts:
        """Return what the host says. Raises `SourceUnavailable`."""
        try:
            return await self.own.facts(question)
        except NotInstalled:
            return await self.lent.facts(question)

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """Return a run, by the gate's own access alone. Raises `SourceUnavailable`."""
        return await self.own.run(repository, run)


@dataclass(frozen=True, slots=True)
class LentHost:
    """A code host for one repository and one request."""

    host: CodeHost = field(repr=False)
    repository: Repository
    token: str = field(repr=False)

    @property
    def name(self) -> str:
        """The host that is asked."""
        return self.host.name

    async def facts(self, question: HostQuestion) -> HostFacts:
        """Return what the host says of the proved repository. Raises `SourceUnavailable` for
        another one.
        """
        proved = (self.repository.issuer, self.repository.id)
        if (question.repository.issuer, question.repository.id) != proved:
            raise SourceUnavailable("the lent token is for the repository of the run alone")
        try:
            heard = await self.host.facts(replace(question, repository=self.repository))
        except SourceUnavailable as error:
            raise SourceUnavailable(self._hidden(error.detail)) from None
        return replace(heard, trouble=tuple(map(self._hidden, heard.trouble)))

    async def run(self, repository: Repository, run: str) -> RunSeen:
        """Raise `SourceUnavailable`, because a lent token is only for facts."""
        raise SourceUnavailable(f"a lent token does not read run {run} of {repository.id}")

    def _hidden(self, text: str) -> str:
        """Return a text without the token, which a host may repeat in its error."""
        return text.replace(self.token, HIDDEN)
