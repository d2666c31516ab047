"""Statements are compiled once a process: SQLAlchemy does it once for each engine, and every test opens two.

Making the text of a change's statements took a third of what a test costs. The text depends on the statement and on the
kind of database alone, so tests share it; the gate opens its engines once, and keeps them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from gate.storage.database import engine


class _Texts(dict[Any, Any]):
    """SQLAlchemy asks with keys that begin with the dialect of an engine; here the kind of database stands for it."""

    def get(self, key: Any, default: Any = None) -> Any:
        """As SQLAlchemy asks."""
        return super().get(_shared(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        """As SQLAlchemy remembers."""
        super().__setitem__(_shared(key), compiled)


def _shared(key: Any) -> Any:
    dialect, *statement = key
    return (dialect.name, dialect.driver, *statement)


@contextmanager
def compiled_once() -> Iterator[None]:
    """From now on the gate's engines share what they have compiled."""
    texts = _Texts()

    def create(url: Any, *, execution_options: Mapping[str, Any], **given: Any) -> Engine:
        return create_engine(url, execution_options={**execution_options, "compiled_cache": texts}, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_engine", create)
        yield
