"""The story of `gate check`: ask what runs there, submit what changes, wait with `--wait`, and have
it admitted.
"""

from __future__ import annotations

from collections.abc import Callable

from gate.client.connection.answers import APPROVED, DEPLOYING, PENDING
from gate.client.connection.asking import Asker
from gate.client.connection.credentials import NoCredentials
from gate.client.connection.http import Body, Http, Refused, Unreachable
from gate.client.connection.request import UnknownCommit
from gate.client.interruption import Interrupted, interruptible
from gate.client.options import CheckOptions
from gate.client.show import outcome as outcomes
from gate.client.show.outcome import Outcome
from gate.client.show.progress import Progress
from gate.client.show.summary import page_of
from gate.client.unreviewed import write_unreviewed
from gate.client.world import World

READ_WAIT_SECONDS = 20
"""How long one read waits for a decision; the gate allows up to 60."""

SUBMIT_AGAIN_SECONDS = 60.0
PAUSE_SECONDS = 2.0
"""The pause after an answer that came at once although it should have waited."""

STALE_PAUSES_SECONDS = (1.0, 5.0, 11.0)
"""The pauses before asking anew after `stale_decision`, with facts against what runs now. The gate
decides one change again at most once in 10 s, so the last pause is longer than that."""

STALE_ADMISSIONS_MAX = 3
NOT_NOW_PAUSE_SECONDS = 10.0
CANCEL_SECONDS = 4.0
"""The longest time for a cancellation, because a runner kills a job some seconds after it asked the
job to stop."""

_MAY_DEPLOY = (APPROVED, DEPLOYING)
"""The states in which an admission is asked for. A change is deploying already if this very run and
attempt was admitted before, which gets its answer again."""
_NOT_NOW = frozenset({"frozen", "outside_window", "conflict"})
"""The refusals of an admission that pass with time; the change stays approved."""


def check(options: CheckOptions, world: World, http: Http, mask: Callable[[str], None]) -> Outcome:
    """Run the command, and return the way in which it ended.

    Code 0 means admitted, or approved with `--no-admit`, or down with `--if-down allow`.
    """
    try:
        asker = Asker(options, world, http, mask)
    except UnknownCommit as error:
        return outcomes.failed(str(error))
    story = _Story(options, world, http, asker)
    try:
        return story.ended()
    finally:
        story.progress.clear()


class _Story:
    """One run of the command. `_refused` remembers that the gate did answer, and refused."""

    def __init__(self, options: CheckOptions, world: World, http: Http, asker: Asker) -> None:
        self.progress = Progress(world)
        self._options = options
        self._world = world
        self._http = http
        self._asker = asker
        self._refused = False
        self._began = world.monotonic()

    def ended(self) -> Outcome:
        try:
            with interruptible():
                return self._settled()
        except Interrupted as signal:
            return self._withdrawn(str(signal))
        except Unreachable as error:
            return self._down(str(error))
        except Refused as error:
            return outcomes.of_refusal(error, self._asker.change)
        except NoCredentials as error:
            return outcomes.failed(str(error), self._asker.change, code=outcomes.DENIED)
        except OSError as error:
            return outcomes.failed(f"a file could not be written: {error}", self._asker.change)

    def _settled(self) -> Outcome:
        self.progress.show("reading the history and asking the gate")
        change = self._waited(self._asker.submit())
        if change["state"] not in _MAY_DEPLOY or not self._options.admit:
            return outcomes.of_change(change)
        return self._admitted(change)

    def _waited(self, change: Body) -> Body:
        """Return the change as soon as it is no longer pending, or when the time to wait is over.

        It is submitted again every minute, so that it is decided with what runs by then.
        """
        submitted = self._world.monotonic()
        if change["state"] == PENDING and self._left() > 0 and (page := page_of(change)):
            self._world.say(f"waiting up to {self._left():.0f} s for people, see {page}")
        while change["state"] == PENDING and (left := self._left()) > 0:
            again_in = submitted + SUBMIT_AGAIN_SECONDS - self._world.monotonic()
            if again_in <= 0:
                change, submitted = self._asker.submit(), self._world.monotonic()
                continue
            self.progress.bar(
                f"waiting for approval, {left:.0f} s left",
                self._options.wait_seconds - left,
                self._options.wait_seconds,
            )
            asked = self._world.monotonic()
            change = self._asker.read(max(1, int(min(READ_WAIT_SECONDS, left, again_in))))
            # An answer in less than a second did not wait, so without a pause this would be a busy
            # loop.
            if change["state"] == PENDING and self._world.monotonic() - asked < 1:
                self._world.sleep(min(PAUSE_SECONDS, left))
        return change

    def _admitted(self, change: Body) -> Outcome:
        """Ask for the admission, and return the end of the command.

        A refusal that passes with time is waited for while there is time. After a stale decision
        the change is asked for anew, a few times.
        """
        stale, because = 0, ""
        while change["state"] in _MAY_DEPLOY:
            self.progress.show("asking for admission")
            try:
                self._asker.admit(change)
            except Refused as error:
                self._refused = True
                if error.problem == "stale_decision" and stale < STALE_ADMISSIONS_MAX:
                    stale += 1
                    change = self._waited(self._asked_anew())
                elif error.problem == "not_approved" and stale < STALE_ADMISSIONS_MAX:
                    # An approver no longer counts. The gate has decided the change again at once,
                    # and it waits for somebody else.
                    stale, because = stale + 1, str(error)
                    change = self._waited(self._asker.submit())
                elif error.problem in _NOT_NOW and (left := self._left()) > 0:
                    self._world.sleep(min(NOT_NOW_PAUSE_SECONDS, left))
                    change = self._asker.read()
                else:
                    return self._not_admitted(error)
            else:
                # Outside a pipeline the request names no run, so the answer does not know it.
                named = {**change, "run": change.get("run") or self._asker.run}
                return Outcome(outcomes.OK, "approved", named, admitted=True)
        ended = outcomes.of_change(change)
        return ended._replace(message=because) if because else ended

    def _asked_anew(self) -> Body:
        for pause in STALE_PAUSES_SECONDS:
            self._world.sleep(pause)
            change = self._asker.submit()
            if change["state"] != PENDING:
                break
        return change

    def _not_admitted(self, refused: Refused) -> Outcome:
        """Return the end after a refused admission: it may pass later, or never, or it failed."""
        if refused.denied:
            return outcomes.of_refusal(refused, self._asker.change)
        if refused.problem in _NOT_NOW or refused.problem == "stale_decision":
            return Outcome(outcomes.STILL_PENDING, PENDING, self._asker.change, str(refused))
        now = self._asker.read()
        if now["state"] in _MAY_DEPLOY:
            return outcomes.of_refusal(refused, now)
        return outcomes.of_change(now)._replace(message=str(refused))

    def _left(self) -> float:
        return self._began + self._options.wait_seconds - self._world.monotonic()

    def _withdrawn(self, signal: str) -> Outcome:
        """Cancel the change after a signal, and return the end.

        Nobody waits for it any more. People should not approve it, and it should not stand in the
        way of the next one.
        """
        change = self._asker.change
        if change is None or change["state"] not in (PENDING, APPROVED):
            return outcomes.failed(f"stopped by {signal}", change)
        try:
            canceled = self._asker.cancel(f"the run was stopped ({signal})", CANCEL_SECONDS)
        except (Refused, Unreachable, NoCredentials) as error:
            return outcomes.failed(
                f"stopped by {signal}, and the change could not be withdrawn: {error}", change
            )
        return Outcome(
            outcomes.GONE, "canceled", canceled, f"stopped by {signal}, the change was withdrawn"
        )

    def _down(self, because: str) -> Outcome:
        """Return the end when the gate gives no answer: an error, because nothing is known.

        With `--if-down allow` the deployment goes on unreviewed, but only if nothing in this run
        speaks against it. A caller who was turned away, or whose change is not approved, must not
        get through by making the gate unreachable.
        """
        change = self._asker.change
        if not self._options.if_down_allow:
            return outcomes.failed(f"{because}; nothing is known, so nothing is allowed", change)
        if self._http.denied:
            return outcomes.failed(
                f"{because}; --if-down allow is refused, for the gate turned this caller away",
                change,
            )
        if self._refused or (change is not None and change["state"] not in _MAY_DEPLOY):
            return outcomes.failed(
                f"{because}; --if-down allow is refused, for the gate has not said yes", change
            )
        try:
            name = write_unreviewed(self._world, self._asker.body(), because)
        except OSError as error:
            return outcomes.failed(
                f"{because}; and its report cannot be written, so nothing is allowed: {error}",
                change,
            )
        return Outcome(
            outcomes.OK,
            "unreviewed",
            change,
            f"{because}; the deployment goes on unreviewed, and {name} says so",
        )
