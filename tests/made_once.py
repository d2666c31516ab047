"""What a running gate makes once, and every test would make again: the text of statements, and
policies and catalogues that were read.

SQLAlchemy compiles a statement once for each engine, and every test opens two: that was a third of
what it costs to deploy a change. Reading the shipped policies is a third of what it costs to start
the app, and reading the catalogue of a small organisation a tenth. All follow from what they are
made of alone and are never changed, so the tests of a process share them.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from gate.core.catalogue.file import read_catalogue
from gate.core.policy.set import Policies, read_policies
from gate.core.rulebook import bundle
from gate.flow import rulebooks
from gate.storage.database import engine


@contextmanager
def made_once() -> Iterator[None]:
    """From now on the gate shares what it has compiled and read.

    What cannot be read is read, and refused, every time.
    """
    texts = _Texts()

    def create(url: Any, *, execution_options: Mapping[str, Any], **given: Any) -> Engine:
        return create_engine(
            url, execution_options={**execution_options, "compiled_cache": texts}, **given
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_engine", create)
        for module in (bundle, rulebooks):
            patch.setattr(module, "read_policies", _read_policies)
        patch.setattr(bundle, "read_catalogue", lru_cache(maxsize=256)(read_catalogue))
        yield


class _Texts(dict[Any, Any]):
    """SQLAlchemy asks with keys that begin with the dialect of an engine; here the kind of database
    stands for it.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        """As SQLAlchemy asks."""
        return super().get(_shared(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        """As SQLAlchemy remembers."""
        super().__setitem__(_shared(key), compiled)


def _shared(key: Any) -> Any:
    dialect, *statement = key
    return (dialect.name, dialect.driver, *statement)


def _read_policies(files: Mapping[str, str]) -> Policies:
    return _read(tuple(files.items()))


@lru_cache(maxsize=256)
def _read(files: tuple[tuple[str, str], ...]) -> Policies:
    return read_policies(dict(files))
