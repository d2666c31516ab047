"""A registered policy set as people read it. Before they activate it they have to know whom its
catalogue puts into which group.
"""

from dataclasses import replace

import orjson
from sqlalchemy import Connection

from gate.core.catalogue import record as catalog_record
from gate.core.rulebook.bundle import CATALOGUE_FILE
from gate.flow.answers.policy import PolicyFilesAnswer
from gate.flow.caller import Person, Role
from gate.flow.gate import Gate
from gate.flow.policies import policies
from gate.storage.texts import read_texts


async def read(gate: Gate, revision: str, by: Person) -> PolicyFilesAnswer:
    """Return the set with its files. Raises `NotFound`.

    People in the catalogue are shown by their keys, and to admins also by names and addresses.
    """
    found = await policies.stored(gate, revision)
    stored = found.files[CATALOGUE_FILE]
    spelled = await gate.store.read(_spelled, stored, by.role is Role.ADMIN)
    return replace(found, files={**found.files, CATALOGUE_FILE: spelled})


def _spelled(conn: Connection, stored: str, everything: bool) -> str:  # noqa: FBT001 - the store passes arguments by place
    tree = orjson.loads(stored)
    known = read_texts(conn, catalog_record.stand_ins(tree) if everything else tree["people"])
    spelled = catalog_record.as_file(catalog_record.spelled(tree, known.get))
    return orjson.dumps(spelled, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
