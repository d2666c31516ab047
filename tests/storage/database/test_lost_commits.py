"""A commit whose answer is lost, by a network or by a server that ends: nobody is told that nothing
was recorded, and nothing is recorded twice.
"""

import psycopg
import pytest
from sqlalchemy import Connection

from gate.errors import Unavailable
from gate.storage.database.engine import open_engine
from gate.storage.database.faults import Fate, fate_of
from gate.storage.database.tx import KeptConnection, Tx
from gate.storage.database.watch import DECIDED, EVERYTHING, Topics
from gate.storage.texts import insert_texts, new_text
from tests.postgres_proxies import LostCommits, between, panic, through
from tests.storage.database.test_faults import errors, opened
from tests.storage.making import busy, make_unit

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("state", ["58030", "53100", "XX000"])
async def test_f06_a_server_that_ends_by_a_fault_at_the_commit_leaves_the_outcome_unknown(
    postgres_url: str, state: str
) -> None:
    """The commit may be in its log, which it reads when it begins again. So nothing that has no key
    is written once more.
    """
    lossy = LostCommits(postgres_url.partition("?host=")[2], last_words=panic(state))
    with between(lossy) as port, opened(through(postgres_url, port)) as store:
        # The commit after that of what keeps the writer busy.
        lossy.every = lossy.seen + 2
        async with busy(store):
            asked = [store.write(say, "somebody") for _ in range(2)]

        for error in await errors(asked):
            assert isinstance(error, Unavailable)
            assert "did not say whether" in error.detail
        assert lossy.cut == 1
        assert await store.read(texts_said) == 2


async def test_f14_what_a_lost_answer_may_have_moved_is_announced_to_this_process_too(
    postgres_url: str,
) -> None:
    """Otherwise its queue would lack the change, whose repetition moves nothing."""
    lossy = LostCommits(postgres_url.partition("?host=")[2])
    with between(lossy) as port, opened(through(postgres_url, port)) as store:
        heard: list[Topics] = []
        store.on_change(heard.append)
        # Whoever listens announces everything once, when it begins.
        while EVERYTHING not in heard:
            await store.write(say, "somebody")
        heard.clear()

        lossy.every = lossy.seen + 1
        with pytest.raises(Unavailable, match="did not say whether"):
            await store.record(make_unit(1, key="k"))
        assert heard == [EVERYTHING]
        lossy.every = 0
        await store.record(make_unit(1, key="k"))
        await store.record(make_unit(2))

        assert heard == [EVERYTHING, EVERYTHING, {DECIDED}]


@pytest.mark.parametrize("state", ["58030", "53100", "25P03"])
def test_f06_a_server_that_says_that_it_ends_is_lost_whatever_the_error_was(
    postgres_url: str, state: str
) -> None:
    lossy = LostCommits(postgres_url.partition("?host=")[2], every=1, last_words=panic(state))
    with between(lossy) as port:
        url = through(postgres_url, port)
        link = KeptConnection(open_engine(url), url)
        link.begin()

        with pytest.raises(psycopg.Error) as raised:
            link.commit()
        assert raised.value.sqlstate == state
        assert fate_of(raised.value) is Fate.LOST
        link.close()


def say(tx: Tx, said: str) -> None:
    insert_texts(tx, [new_text(said)])


def texts_said(conn: Connection) -> int:
    return int(conn.exec_driver_sql("SELECT count(*) FROM texts").scalar_one())
