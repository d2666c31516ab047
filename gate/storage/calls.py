"""Calls on their way to a thread, and answers on their way back: one wake-up of the event loop for many."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any


@dataclass(slots=True)
class Call:
    """Somebody who waits in an event loop."""

    future: asyncio.Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    answer: Any = None
    error: Exception | None = None
    asked_at: float = field(default_factory=time.monotonic)


def call(function: Callable[..., Any], arguments: tuple[Any, ...], named: Mapping[str, Any] | None = None) -> Call:
    """A call of the running event loop."""
    return Call(asyncio.get_running_loop().create_future(), partial(function, **named) if named else function, arguments)


def deliver(calls: Iterable[Call]) -> None:
    """Hand every answer to whoever waits for it."""
    loops: dict[asyncio.AbstractEventLoop, list[Call]] = {}
    for one in calls:
        loops.setdefault(one.future.get_loop(), []).append(one)
    for loop, answered in loops.items():
        post(loop, _settle, answered)


def post(loop: asyncio.AbstractEventLoop, function: Callable[..., None], *arguments: object) -> None:
    """Call a function in an event loop, unless that is over already."""
    try:
        loop.call_soon_threadsafe(function, *arguments)
    except RuntimeError:
        if not loop.is_closed():
            raise


def _settle(calls: list[Call]) -> None:
    for one in calls:
        if one.future.done():  # whoever waited has been cancelled
            continue
        if one.error is None:
            one.future.set_result(one.answer)
        else:
            one.future.set_exception(one.error)
