"""The drill of docs/how-to/back-up.md, by its own commands, on both databases: what was decided after
the backup is missed, nothing is admitted until a person says that it was restored, and a head that
was kept outside shows the loss (F30).
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from gate.flow.caller import Role
from gate.flow.signing import make_key
from tests import forked, postgres
from tests.api.served import admission
from tests.api.served import request as submission
from tests.documents import ROOT, Block, Document
from tests.live import GATE, LiveGate, serving, token_of
from tests.shipped import never_frozen

PAGE = ROOT / "docs/how-to/back-up.md"
BLOCKS: Mapping[str, Block] = {
    block.marks["drill"]: block
    for block in Document("docs/how-to/back-up.md", PAGE.read_text()).blocks
    if "drill" in block.marks
}
COMMAND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Drill:
    """A gate whose operator follows the page."""

    gate: LiveGate
    database: str
    variables: Mapping[str, str]

    def follow(self, step: str) -> str:
        """Run the commands of a step as they stand on the page, and return what they said."""
        block = BLOCKS[step]
        done = subprocess.run(  # noqa: S603 - the document's own words
            ["bash", "-euo", "pipefail", "-c", block.text],  # noqa: S607 - the same
            cwd=self.gate.folder,
            env={**self.gate.environment, **self.variables, "GATE_URL": self.gate.url},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == int(block.marks.get("exit", "0")), f"{step}:\n{said}"
        return said

    def restored(self) -> "Drill":
        """The same operator, with the setting that the page asks for."""
        gate = replace(self.gate, started_at="/healthz")
        if self.database == "postgres":
            url = make_url(gate.database_url)
            url = url.set(database=f"{url.database}_restored")
            gate.database_url = url.render_as_string(hide_password=False)
        return replace(self, gate=gate)


@pytest.fixture(params=["sqlite", "postgres"])
def drill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drill]:
    """A gate that has never run, on a database of its own."""
    kind = request.param
    folder = tmp_path / "gate"
    (folder / ".gate").mkdir(parents=True)
    path = os.pathsep.join([str(forked.programs()), str(Path(GATE).parent), os.environ["PATH"]])
    gate = LiveGate(folder, f"sqlite:///{folder}/.gate/gate.db", never_frozen(tmp_path))
    make_key(folder / "signing.key", gate.url)
    if kind == "sqlite":
        yield Drill(gate, kind, {"PATH": path})
        return
    cluster = request.getfixturevalue("postgres_cluster")
    with postgres.database(cluster) as url:
        named = make_url(url).database
        assert named is not None
        programs = f"{postgres.programs()}{os.pathsep}{path}"
        libpq = {"PATH": programs, "PGHOST": cluster.socket, "PGUSER": "postgres"}
        yield Drill(replace(gate, database_url=url), kind, {**libpq, "PGDATABASE": named})
        cluster.drop(f"{named}_restored")


@pytest.mark.slow
@pytest.mark.server
def test_f30_a_restored_gate_admits_nothing_until_a_person_says_that_it_was_restored(
    drill: Drill,
) -> None:
    with serving(drill.gate), asking(drill.gate) as pipeline:
        token = token_of(drill.gate, Role.AUDITOR)
        kept = decided(pipeline, "1")
        drill.follow(f"{drill.database}-backup")
        lost = decided(pipeline, "2")
        replace(drill, variables={**drill.variables, "GATE_TOKEN": token}).follow("anchor")

    drill.follow(f"{drill.database}-restore")
    again = drill.restored()
    with serving(again.gate), asking(again.gate) as pipeline:
        unready = pipeline.get("/readyz")
        refused = pipeline.post(f"/v1/changes/{kept}/admission", json=admission("1"))
        missing = pipeline.get(f"/v1/changes/{lost}")
        asked_again = pipeline.post("/v1/changes", json=submission("2"))
        said = again.follow("lost")
        new_key = again.follow("epoch")
        decided(pipeline, "3")  # signed, so the new epoch has begun
        ready = pipeline.get("/readyz")
        admitted = pipeline.post(f"/v1/changes/{kept}/admission", json=admission("1"))

    assert unready.status_code == 503
    assert "it was restored from an older backup" in unready.json()["problems"][0]
    assert (refused.status_code, refused.json()["type"]) == (
        503,
        "urn:gate:problem:signing_unavailable",
    )
    assert missing.status_code == 404
    assert asked_again.status_code == 201, "decisions go on"
    signed, left = re.findall(r"(\d+) entries were signed when .* of those (\d+) are here", said)[0]
    assert int(signed) > int(left) > 0
    assert re.search(rf"epoch 2 begins after \d+ entries; {signed} had been signed", new_key)
    assert (ready.status_code, admitted.status_code) == (200, 200)


def asking(gate: LiveGate) -> httpx.Client:
    """A pipeline of `web`."""
    token = token_of(gate, Role.PIPELINE)
    return httpx.Client(base_url=gate.url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


def decided(pipeline: httpx.Client, run: str) -> str:
    """A change that was approved, once its decision is signed."""
    change: dict[str, Any] = pipeline.post("/v1/changes", json=submission(run)).json()
    proof = pipeline.get(f"/v1/changes/{change['id']}/proof?kind=decision&wait=30")
    assert (change["state"], proof.status_code) == ("approved", 200), proof.text
    return str(change["id"])
