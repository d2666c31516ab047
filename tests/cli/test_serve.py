"""A real `gate serve`: it says where it is or why it is not, and stops in order; `gate explain`
asks it.
"""

import itertools
import json
import os
import re
import resource
import shlex
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError

import pytest
from sqlalchemy import func, select

from gate.cli.demo import prepare
from gate.config import Settings
from gate.storage.store import transaction
from gate.storage.tables import schema, schema_policies
from tests import forked, postgres
from tests.cli.running import gate
from tests.flow.shop import make_files, policy_text
from tests.live import GATE, STOPPED_WITHIN_SECONDS, LiveGate, serving
from tests.shipped import never_frozen

REFUSING = "[{id: green, title: Green, require: [checks.passed > 0], otherwise: reject}]"
ROOT = Path(__file__).parents[2]


def live(folder: Path, **settings: str) -> LiveGate:
    """A server on an embedded database of its own."""
    return LiveGate(folder, f"sqlite:///{folder}/gate.db", never_frozen(folder), settings)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveGate]:
    """`gate serve --demo`, on an ordinary day."""
    folder = tmp_path_factory.mktemp("demo")
    server = LiveGate(folder, "", never_frozen(folder))
    with serving(server, GATE, "serve", "--demo"):
        yield server
        assert server.stop() == 0


def exported(server: LiveGate) -> dict[str, str]:
    """The `export` lines for the next terminal."""
    return dict(re.findall(r"^export (\w+)=(.*)$", server.log.read_text(), re.MULTILINE))


def asked(server: LiveGate, path: str) -> dict[str, object]:
    """What the server answers whoever has the demo's token."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        server.url + path, headers={"Authorization": f"Bearer {exported(server)['GATE_TOKEN']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - the same
        found: dict[str, object] = json.load(response)
        return found


def read(server: LiveGate, path: str, token: str, body: bytes | None = None) -> str:
    """What the server answers. Raises `HTTPError` for a refusal."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, body, headers)  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - the same
        return str(response.read(), "utf-8")


def submit(server: LiveGate, token: str, number: int, **place: str) -> dict[str, str]:
    """The answer to a change of its own run."""
    asked = {
        "commit": f"{number:040x}",
        "run": {"id": str(number)},
        "requested_by": "kofi@example.com",
        **place,
    }
    answered: dict[str, str] = json.loads(
        read(server, "/v1/changes", token, json.dumps(asked).encode())
    )
    return answered


def until_refused(server: LiveGate, token: str) -> Iterator[dict[str, str]]:
    """One change after the other is acknowledged, until one is not."""
    for number in itertools.count(1):
        try:
            yield submit(server, token, number, service="web", environment="staging")
        except HTTPError as refused:
            assert refused.code == HTTPStatus.SERVICE_UNAVAILABLE  # noqa: PT017 - the answer itself is the case
            return


def logged(said: str) -> list[dict[str, object]]:
    """The records among what a server says."""
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


# Starts that cannot be


def test_a_taken_port_is_named(here: Path) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        done = gate("serve", "--port", str(port))

    assert (done.code, done.out) == (1, "")
    assert (
        done.err
        == f"the gate cannot listen on 127.0.0.1:{port} (Address already in use); free it, or "
        "take another one with --port\n"
    )
    assert not (here / ".gate").exists()


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        (
            "GATE_DATABASE_URL",
            "mysql://localhost/gate",
            "the database URL begins with mysql; allowed are",
        ),
        (
            "GATE_DATABASE_URL",
            "postgresql+psycopg://gate@localhost:1/gate",
            "the database cannot be reached (postgresql+psycopg://gate@localhost:1/gate: ",
        ),
        (
            "GATE_SIGNING_KEY_FILE",
            "policies/catalog.yaml",
            "the signing key policies/catalog.yaml: ",
        ),
        (
            "GATE_SIGNING_KEY_FILE",
            "policies",
            "the signing key policies cannot be read (Is a directory)",
        ),
        ("GATE_HOST", "192.0.2.1", "the gate cannot listen on 192.0.2.1:"),
        ("GATE_PORT", "99999", "GATE_PORT: "),
    ],
)
def test_a_start_that_cannot_be_is_said_in_words(
    setting: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATE_PORT", "0")
    monkeypatch.setenv(setting, value)

    done = gate("serve")

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(words)


def test_a_server_that_was_not_upgraded_is_refused(
    postgres_cluster: postgres.Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.database(postgres_cluster, template="template1") as url:
        monkeypatch.setenv("GATE_DATABASE_URL", url)
        done = gate("serve", "--port", "0")

    assert (done.code, done.out) == (1, "")
    assert "has revision none" in done.err
    assert "run gate db upgrade" in done.err


# Servers


@pytest.mark.server
def test_a_server_is_migrated_when_that_is_said(
    postgres_cluster: postgres.Cluster, tmp_path: Path
) -> None:
    with (
        postgres.database(postgres_cluster, template="template1") as url,
        serving(LiveGate(tmp_path, url, ROOT / "policies")) as server,
    ):
        assert server.stop() == 0


@pytest.mark.server
def test_a_broken_folder_keeps_nobody_from_starting_and_everything_goes_to_people(
    tmp_path: Path,
) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "production.yaml").write_text("policy: production\nrules: 7\n")
    server = LiveGate(tmp_path, f"sqlite:///{tmp_path}/gate.db", tmp_path / "policies")
    with serving(server):
        assert "policy files cannot be used" in server.log.read_text()
        for name, text in make_files().items():
            (tmp_path / "policies" / name).write_text(text)
        assert server.stop() == 0

    assert f"keeps its records in {tmp_path}/gate.db" in server.log.read_text()


@pytest.mark.server
def test_f06_a_disk_that_fails_ends_the_server_which_answers_everybody_first(
    tmp_path: Path,
) -> None:
    server = live(tmp_path)
    with serving(server):
        token = server.command("token", "create", "--role", "pipeline", "--all-services")
        waiting = submit(server, token, 0, service="web", environment="production")
        assert server.process is not None
        with ThreadPoolExecutor(1) as beside:
            waiter = beside.submit(read, server, f"/v1/changes/{waiting['id']}?wait=60", token)
            while "gate_waiters 1.0" not in read(server, "/metrics", token):
                pass
            log = Path(f"{tmp_path}/gate.db-wal").stat().st_size + 100_000
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (log, log))

            acknowledged = [change["id"] for change in until_refused(server, token)]
            ended = server.process.wait(STOPPED_WITHIN_SECONDS)
            answered = waiter.result()

        said = server.log.read_text()
        causes = [
            (line["where"], str(line["error"]))
            for line in logged(said)
            if "writer" in str(line.get("where"))
        ]
        assert ended == 1
        assert json.loads(answered)["state"] == "pending", "who waits is answered, too"
        assert said.splitlines()[-1].startswith(
            "the gate has ended: the disk of the database has failed and nothing more is written"
        )
        assert [(where, "disk I/O error" in error) for where, error in causes] == [
            ("database writer", True)
        ], "once, with its cause"

        server.start()
        assert {
            json.loads(read(server, f"/v1/changes/{change}", token))["id"]
            for change in acknowledged
        } == set(acknowledged)


@pytest.mark.server
def test_a_free_port_is_taken_and_shown(tmp_path: Path) -> None:
    server = live(tmp_path, GATE_BASE_URL="")
    with subprocess.Popen(  # noqa: S603 - our own command line
        [GATE, "serve", "--port", "0"],
        env=server.environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        shown = re.match(r"The gate is at http://127\.0\.0\.1:(\d+) ", process.stdout.readline())
        process.terminate()

    assert process.returncode == 0
    assert shown is not None
    assert int(shown[1]) > 0


@pytest.mark.server
def test_the_demo_shows_its_story_and_never_deploys_checkout_to_staging(demo: LiveGate) -> None:
    changes = asked(demo, "/v1/changes")["items"]

    assert isinstance(changes, list)
    assert {(change["service"], change["environment"], change["state"]) for change in changes} == {
        ("web", "staging", "closed"),
        ("search", "staging", "closed"),
        ("web", "production", "closed"),
        *(
            (service, "production", "pending")
            for service in ("checkout", "ledger", "search", "status-page", "web")
        ),
    }
    assert {change["closed"]["result"] for change in changes if change["closed"]} == {
        "successful",
        "unsuccessful",
    }
    assert [change["service"] for change in changes if change["hold"]] == ["search"]
    assert asked(demo, "/v1/services/checkout/environments/staging")["running"] is None
    assert exported(demo)["GATE_URL"] == demo.url
    assert exported(demo)["PATH"] == f"{Path(GATE).parent}:$PATH"


@pytest.mark.server
def test_e25_what_the_demo_exports_is_enough_for_an_operator_in_any_folder(
    demo: LiveGate, tmp_path: Path
) -> None:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GATE_")
    }
    pasted = "\n".join(re.findall(r"^export .*$", demo.log.read_text(), re.MULTILINE))
    # the `gate` that the pasted lines lead to, but forked
    pasted += f"\nPATH={shlex.quote(str(forked.programs()))}:$PATH"
    commands = (
        "gate token create --role auditor; gate people invite --admin ada@example.com; gate db "
        "backup copy.db; gate doctor"
    )

    done = subprocess.run(  # noqa: S603 - our own command line, in the shell of whoever has pasted the lines
        ["bash", "-euc", f"{pasted}\n{commands}"],  # noqa: S607 - the shell of the machine
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    token, link, *rest = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert token.startswith("gate_")
    assert link.startswith(f"{demo.url}/")
    assert (
        rest[0]
        == f"{demo.folder}/.gate/demo.db was copied to copy.db; keep it with the signing key"
    )
    assert f"ok    database: {demo.folder}/.gate/demo.db" in rest
    assert not (tmp_path / ".gate").exists()


@pytest.mark.server
def test_h1_the_demo_lets_two_people_in_because_production_needs_two(demo: LiveGate) -> None:
    said = demo.log.read_text()

    links = re.findall(rf"^{re.escape(demo.url)}/invitations/\S+$", said, re.MULTILINE)
    assert len(set(links)) == 2
    assert "In a private window of the browser, for a second approval, as " in said


@pytest.mark.server
def test_e25_the_banner_names_the_database_by_its_whole_path(demo: LiveGate) -> None:
    assert (
        f"The gate is at {demo.url} and keeps its records in {demo.folder}/.gate/demo.db\n"
        in demo.log.read_text()
    )


@pytest.mark.server
def test_a_change_is_explained_with_every_reason_and_fact(demo: LiveGate) -> None:
    changes = asked(demo, "/v1/changes?service=ledger")["items"]
    assert isinstance(changes, list)
    change = changes[-1]["id"]

    done = gate("explain", change, "--url", demo.url, "--token", exported(demo)["GATE_TOKEN"])

    assert done.code == 0
    assert f"{change}: ledger 444444444444 to production is pending" in done.out
    assert "  environment.tier = production (catalogue)" in done.out.splitlines()
    assert "unknown: checks failed" in done.out


@pytest.mark.server
def test_a_decision_is_made_again_from_its_record(demo: LiveGate) -> None:
    changes = asked(demo, "/v1/changes?service=ledger")["items"]
    assert isinstance(changes, list)
    change = changes[-1]["id"]
    token = exported(demo)["GATE_TOKEN"]

    done = gate("explain", change, "--replay", "--url", demo.url, "--token", token)

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{change} decision 1, decided again: the same\n")
    recorded, recomputed = (line.partition(":")[2].strip() for line in done.out.splitlines()[2:4])
    assert recorded == recomputed


@pytest.mark.server
@pytest.mark.parametrize(
    ("change", "token", "words"),
    [
        ("chg_" + "0" * 26, None, "there is no change"),
        ("chg_" + "0" * 26, "gate_wrong", "valid token"),
    ],
)
def test_what_cannot_be_explained_is_said(
    demo: LiveGate, change: str, token: str | None, words: str
) -> None:
    done = gate(
        "explain", change, "--url", demo.url, "--token", token or exported(demo)["GATE_TOKEN"]
    )

    assert (done.code, done.out, words in done.err) == (1, "", True)


def test_a_demo_that_starts_again_tells_its_story_once_and_has_another_token(
    tmp_path: Path,
) -> None:
    settings = Settings.read(
        {}, database_url=f"sqlite:///{tmp_path}/demo.db", policies=ROOT / "policies"
    )

    first, second = prepare(settings), prepare(settings)

    with transaction(settings.database) as tx:
        assert tx.conn.execute(select(func.count()).select_from(schema.changes)).scalar_one() == 11
        assert (
            tx.conn.execute(select(func.count()).select_from(schema_policies.freezes)).scalar_one()
            == 1
        )
    assert first.token != second.token


@pytest.mark.server
def test_a_demo_in_a_folder_without_policies_takes_the_shipped_ones(tmp_path: Path) -> None:
    server = LiveGate(tmp_path, "", tmp_path / "policies")

    with serving(server, GATE, "serve", "--demo"):
        assert asked(server, "/v1/changes")["items"]


def test_a_demo_by_policies_that_refuse_its_story_starts_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    files = make_files(staging=policy_text("staging", "staging", requirements=REFUSING))
    for name, text in files.items():
        (tmp_path / "policies" / name).write_text(text)

    assert prepare(
        Settings.read(
            {}, database_url=f"sqlite:///{tmp_path}/demo.db", policies=tmp_path / "policies"
        )
    )
