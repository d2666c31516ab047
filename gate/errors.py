"""Everything the gate may raise on purpose.

GateError                    status  problem names
├── BadRequest               400     bad_json bad_cursor
├── Unauthenticated          401     unauthenticated
├── NotAllowed               403     not_allowed separation_of_duties identity_mismatch
├── NotFound                 404     not_found
├── Conflict                 409     state_conflict subject_mismatch expired not_approved frozen
│                                    outside_window conflict consumed stale_decision
├── TooLarge                 413     too_large
├── Invalid                  422     invalid key_reused
├── RateLimited              429     rate_limited
└── Unavailable              503     busy storage_full signing_unavailable
    └── SourceUnavailable    503     a system that was asked gave no answer that can be used
        ├── NotInstalled     503     the gate has no access to that repository
        └── Undeliverable    503     a receiver refuses this message, and would refuse it again

The message says what was being done, what was found and what would have been allowed.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: what, and where (a JSON pointer, or `file:line:column`)."""

    detail: str
    where: str


class GateError(Exception):
    """An error that the caller gets as a problem document (RFC 9457)."""

    status: int
    problem: str
    by: str | None
    """Who was refused, if that is known although the caller was not let in."""

    is_recorded = False
    """Whether the ledger has an entry of this refusal already."""

    def __init__(
        self,
        detail: str,
        *,
        problem: str | None = None,
        faults: Sequence[Fault] = (),
        by: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problem = problem or type(self).problem
        self.faults = tuple(faults)
        self.by = by

    @property
    def for_operators(self) -> str:
        """The message for a log or the command line."""
        return self.detail


class BadRequest(GateError):
    """The bytes are not what they claim to be."""

    status = 400
    problem = "bad_json"


class Unauthenticated(GateError):
    """The caller is not known. The message never says which part of the proof was wrong."""

    status = 401
    problem = "unauthenticated"
    challenge = "Bearer"
    """The scheme by which a caller authenticates (RFC 9110)."""


class NotAllowed(GateError):
    """Known, but not entitled to this."""

    status = 403
    problem = "not_allowed"


class NotFound(GateError):
    """Not there, or not visible to this caller; the two look the same on purpose."""

    status = 404
    problem = "not_found"


class Conflict(GateError):
    """The state has moved on, or never allowed this."""

    status = 409
    problem = "state_conflict"


class TooLarge(GateError):
    """Over a named limit."""

    status = 413
    problem = "too_large"


class Invalid(GateError):
    """Well formed, but not understood; `faults` says where."""

    status = 422
    problem = "invalid"


class RateLimited(GateError):
    """Too many requests of one caller."""

    status = 429
    problem = "rate_limited"


class Unavailable(GateError):
    """The gate cannot decide safely now; nothing was acknowledged.

    `place` is what only an operator needs: a path, an address, a driver's own words. It stands in
    logs and on the command line and never in an answer, for a stranger may have asked.
    """

    status = 503
    problem = "busy"

    def __init__(
        self,
        detail: str,
        *,
        place: str = "",
        problem: str | None = None,
        retry_after_seconds: int = 1,
    ) -> None:
        super().__init__(detail, problem=problem)
        self.place = place
        self.retry_after_seconds = retry_after_seconds

    @property
    def for_operators(self) -> str:
        """The detail with the place, for operators."""
        if self.place:
            return f"{self.detail} ({self.place})"
        return self.detail


class SourceUnavailable(Unavailable):
    """A system that was asked did not answer in time, or not with what was asked for."""


class NotInstalled(SourceUnavailable):
    """The gate's own access to a code host does not reach this repository, and nobody refused
    anything: it was never given there.
    """


class Undeliverable(SourceUnavailable):
    """A receiver has refused a message for good; only a person can say that it be tried again."""
