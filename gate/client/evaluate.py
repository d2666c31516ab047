"""`gate evaluate`: the same question as `gate check`, and nothing is recorded."""

from __future__ import annotations

from collections.abc import Callable

from gate.client.connection.asking import Asker
from gate.client.connection.credentials import NoCredentials
from gate.client.connection.http import Http, Refused, Unreachable
from gate.client.connection.request import UnknownCommit
from gate.client.options import CheckOptions
from gate.client.show import outcome as outcomes
from gate.client.show.outcome import Outcome
from gate.client.world import World


def evaluate(
    options: CheckOptions, world: World, http: Http, mask: Callable[[str], None]
) -> Outcome:
    """Return what would be decided now, with the exit codes of `gate check`.

    No change is made.
    """
    try:
        found = Asker(options, world, http, mask).evaluate()
    except (UnknownCommit, Unreachable) as error:
        return outcomes.failed(str(error))
    except NoCredentials as error:
        return outcomes.failed(str(error), code=outcomes.DENIED)
    except Refused as error:
        return outcomes.of_refusal(error)
    return Outcome(
        outcomes.CODES[found["outcome"]],
        str(found["outcome"]),
        found,
        "this is what would be decided now; nothing was recorded",
    )
