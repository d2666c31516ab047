"""The story of `gate close`: say how a deployment ended, also one that nobody reviewed."""

from __future__ import annotations

from collections.abc import Callable

from gate.client.connection.credentials import Credentials, NoCredentials
from gate.client.connection.http import Body, Http, Refused, Unreachable
from gate.client.connection.session import Session
from gate.client.git.run import GitFailed, Repository
from gate.client.options import CloseOptions
from gate.client.pipeline import pipeline
from gate.client.show import outcome as outcomes
from gate.client.show.outcome import Outcome
from gate.client.state import remembered, state_file
from gate.client.unreviewed import NotUnderstood, read_unreviewed
from gate.client.world import World

UNADMITTED = "the gate never admitted this deployment; it is on record as deployed without review"


def close(options: CloseOptions, world: World, http: Http, mask: Callable[[str], None]) -> Outcome:
    """Report the end of a deployment, and return the way in which the command ended."""
    session = Session(http, Credentials(world, options.token, http.url, mask), world, mask)
    try:
        if options.unreviewed:
            return _close_unreviewed(options, options.unreviewed, world, session)
        return _close_known(options, world, session)
    except (NotUnderstood, Unreachable) as error:
        return outcomes.failed(str(error), session.change)
    except Refused as error:
        return outcomes.of_refusal(error, session.change)
    except NoCredentials as error:
        return outcomes.failed(str(error), session.change, code=outcomes.DENIED)


def _close_known(options: CloseOptions, world: World, session: Session) -> Outcome:
    last = remembered(state_file(world, _git_folder(world)))
    change = options.change or last.get("change")
    if not isinstance(change, str) or not change:
        return outcomes.failed(
            "which change? no gate check was admitted here; give the change's id",
            code=outcomes.USAGE,
        )
    token = last.get("change_token")
    if (
        isinstance(token, str)
        and last.get("change") == change
        and last.get("url") == session.http.url
    ):
        session.use(token)
    return _closed(session.close(change, _report(options)))


def _close_unreviewed(options: CloseOptions, name: str, world: World, session: Session) -> Outcome:
    """Submit what was deployed while the gate was down, so that it is on record, and report it.

    The late submit admits nothing: a change that still waits is canceled.
    """
    report = read_unreviewed(world, name)
    change = str(session.submit(_as_asked_here(report["request"], world))["id"])
    found = session.close(
        change, {**_report(options), "started_at": report["at"], "finished_at": world.timestamp()}
    )
    if found["state"] not in ("pending", "approved"):
        return _closed(found)
    # It was deployed already. People should not approve it any more, and it should not stand in the
    # way of the next one.
    try:
        found = session.cancel(change, "deployed unreviewed while the gate was down")
    except Refused as error:
        world.say(f"note: change {change} stays open: {error.detail}")
    return Outcome(outcomes.OK, "closed", found, UNADMITTED)


def _as_asked_here(request: Body, world: World) -> Body:
    """Return the request with the attempt that reports it, if it is of the same run.

    A later job or attempt may report the deployment, and its identity token proves only itself.
    """
    here, then = pipeline(world).run, request.get("run")
    if not isinstance(then, dict) or then.get("id") != here["id"]:
        return request
    return {**request, "run": {**then, "attempt": here["attempt"]}}


def _report(options: CloseOptions) -> Body:
    return {"result": options.result, **({"notes": options.notes} if options.notes else {})}


def _closed(change: Body) -> Outcome:
    """Return the end after a report.

    The gate keeps a report about a change that it never admitted, and leaves the change as it is.
    """
    if change["state"] == "closed":
        return Outcome(outcomes.OK, "closed", change)
    return Outcome(outcomes.OK, "closed", change, UNADMITTED)


def _git_folder(world: World) -> str | None:
    try:
        return Repository(world.folder, world.env).git_folder
    except GitFailed:
        return None
