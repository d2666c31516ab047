"""Messages go out: at least once, each under an id that never changes, and a dead target keeps nobody waiting."""

from collections.abc import Mapping
from typing import Protocol, TypeAlias

from gate.core.message import Message


class Deliver(Protocol):
    """Brings messages to the targets of one kind. Made in `integrations`, handed in by `app.py`."""

    async def __call__(self, message: Message) -> None:
        """Deliver it; to return is to confirm. It may be called again for a message that did arrive.

        Raises `SourceUnavailable` (or another `GateError`) to be called again later, not before its `retry_after_seconds`;
        `Undeliverable` where another try would be refused too: the message is dead until a person sends it again.
        """


Deliveries: TypeAlias = Mapping[str, Deliver]
"""By kind of target: what stands before the colon."""
