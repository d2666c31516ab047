"""The questions of `gate check` to the gate, one after the other, always about the same run and
commit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from gate.client.connection.credentials import Credentials
from gate.client.connection.http import Body, Http
from gate.client.connection.request import Source, request_body
from gate.client.connection.session import Session
from gate.client.files import write
from gate.client.git.baseline import Place
from gate.client.git.facts import GitFacts
from gate.client.options import CheckOptions
from gate.client.pipeline import LOCAL, pipeline
from gate.client.show.text import visible
from gate.client.state import remember, state_file
from gate.client.world import World


class Asker:
    """Asks the gate, and holds what stays the same over all questions.

    Raises `UnknownCommit` when made without a commit to ask about.
    """

    def __init__(
        self, options: CheckOptions, world: World, http: Http, mask: Callable[[str], None]
    ) -> None:
        self._options = options
        self._world = world
        self._http = http
        self._mask = mask
        self._pipe = pipeline(world)
        self._source = Source(world, options, self._pipe)
        self._session = Session(
            http, Credentials(world, options.token, http.url, mask), world, mask
        )
        self._git: GitFacts | None = None
        self._place = Place()
        if self._pipe.kind == LOCAL:
            user = self._source.git_user() or "unknown: set git's user.email"
            world.say(f"note: this is no pipeline; asking as the git user, {visible(user)}")

    @property
    def change(self) -> Body | None:
        """The change as the gate last answered it, or None before its first answer."""
        return self._session.change

    @property
    def run(self) -> Body:
        """The run that is admitted, in the form in which a change names its run."""
        return {"step": "", "url": None, **self._pipe.run}

    def body(self) -> Body:
        """Return the request, with facts measured against what is known to run there."""
        git = self._git or self._measure(Place())
        body = request_body(self._options, self._source, self._pipe, git)
        if self._session.credentials.name_the_repository:
            body.pop("repository", None)
        return body

    def submit(self) -> Body:
        """Submit the change, also again, and return it.

        Facts are measured anew if something else runs there than the last time.
        """
        place = self._session.place(self._options.service, self._options.environment)
        if self._git is None or place != self._place:
            self._measure(place)
        body = self.body()
        if self._pipe.kind == LOCAL:
            # Each call at a terminal would be a run of its own. Without a run the gate joins the
            # change that was asked for before.
            body.pop("run")
        return self._session.submit(body)

    def evaluate(self) -> Body:
        """Return what would be decided, with facts measured against what runs there."""
        self._measure(self._session.place(self._options.service, self._options.environment))
        return self._session.evaluate(self.body())

    def read(self, wait: int = 0) -> Body:
        """Return the change as it is now; with `wait`, as soon as it is no longer pending."""
        return self._session.read(self._known(), wait)

    def admit(self, change: Body) -> Body:
        """Return the signed admission, and write it to the file of `--statement`, if given."""
        asked = self.body()
        envelope = self._session.admit(
            change,
            {
                "commit": asked["commit"],
                "artifacts": asked.get("artifacts", []),
                "environment": asked["environment"],
                "run": self._pipe.run,
            },
        )
        self._remember(change)
        if self._options.statement:
            write(Path(self._world.folder, self._options.statement), json.dumps(envelope) + "\n")
        return envelope

    def cancel(self, comment: str, seconds: float) -> Body:
        """Cancel the change in one short attempt, because the runner ends this process soon."""
        quick = Session(
            Http(self._http.url, self._world, seconds=seconds),
            self._session.credentials,
            self._world,
            self._mask,
        )
        quick.use(self._session.change_token)
        return quick.cancel(str(self._known()["id"]), comment, retries=0)

    def _known(self) -> Body:
        if self._session.change is None:
            raise RuntimeError("nothing was submitted yet")
        return self._session.change

    def _measure(self, place: Place) -> GitFacts:
        self._place = place
        self._git = self._source.facts(place, self._options.base)
        for notice in self._git.notices:
            self._world.say(f"note: {visible(notice)}")
        return self._git

    def _remember(self, change: Body) -> None:
        """Leave a file behind by which `gate close` knows what was admitted.

        It holds a token, so without a private place no file is written, and close needs the id.
        """
        repository = self._source.repository
        place = state_file(self._world, repository.git_folder if repository else None)
        if place is None:
            return
        state = {
            "url": self._http.url,
            "change": change["id"],
            "change_token": self._session.change_token,
            "run": self._pipe.run,
            "service": self._options.service,
            "environment": self._options.environment,
            "commit": change["commit"],
        }
        try:
            remember(place, state)
        except OSError as error:
            self._world.say(
                f"note: gate close will need the change's id, for {place} cannot be "
                f"written: {error.strerror}"
            )
