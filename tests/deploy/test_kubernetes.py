"""The manifests: each is what Kubernetes takes, and what they say is true of the gate and its image."""

import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gate.cli.serve import GRACE_SECONDS
from gate.config import PREFIX, Settings
from gate.flow.folder import read_folder
from gate.flow.signing import read_key
from tests.api.served import served
from tests.cli.running import gate
from tests.documents import ROOT

VERSION = "1.37"
FILE = ROOT / "docs/deploy/kubernetes.yaml"
DOCUMENTS: list[dict[str, Any]] = list(yaml.safe_load_all(FILE.read_text()))
WRITABLE = {"/data", "/tmp"}  # noqa: S108 - paths inside the container
FILES = {f"{PREFIX}{name.upper()}_FILE" for name in Settings.model_fields}


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = [one for one in DOCUMENTS if one["kind"] == kind]
    return found


def pods() -> Iterator[dict[str, Any]]:
    """What runs: of the deployment and of the job."""
    for kind in ("Deployment", "Job"):
        yield of_kind(kind)["spec"]["template"]


def containers() -> Iterator[dict[str, Any]]:
    for pod in pods():
        yield from pod["spec"]["containers"]


def settings() -> dict[str, str]:
    found: dict[str, str] = of_kind("ConfigMap")["data"]
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one["kind"])
def test_kubernetes_takes_it(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, VERSION, strict=True)


def test_a_misspelt_field_is_found() -> None:
    wrong = deepcopy(of_kind("Deployment"))
    container = wrong["spec"]["template"]["spec"]["containers"][0]
    container["securityContext"]["readOnlyRootFileSystem"] = True

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_nothing_runs_as_root_or_writes_anywhere_but_where_it_may() -> None:
    user = re.findall(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for pod in pods():
        security = pod["spec"]["securityContext"]
        assert (security["runAsNonRoot"], [str(security["runAsUser"])]) == (True, user)
        assert pod["spec"]["automountServiceAccountToken"] is False
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        for container in pod["spec"]["containers"]:
            mounts = container["volumeMounts"]
            assert {one["mountPath"] for one in mounts if not one.get("readOnly")} == WRITABLE
            assert {one["name"] for one in mounts} == set(volumes)
    for container in containers():
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} == set(container["resources"]["limits"])
        assert "env" not in container, "a secret belongs into a file"


def test_both_run_the_same_image_and_commands_that_exist() -> None:
    assert len({container["image"] for container in containers()}) == 1
    for container in containers():
        program, *words = container["command"]
        assert program == "gate"
        assert gate(*words, "--help").code == 0


def test_the_settings_are_those_of_the_gate_and_are_understood(tmp_path: Path) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | FILES
    secret = tmp_path / "database_url"
    secret.write_text("postgresql+psycopg://gate:word@postgres.db/gate\n")

    read = Settings.read({**settings(), "GATE_DATABASE_URL_FILE": str(secret)})

    assert set(settings()) <= known
    assert read.database == "postgresql+psycopg://gate:word@postgres.db/gate"
    assert "word" not in FILE.read_text()


def test_paths_in_the_settings_are_mounted() -> None:
    mounted = {one["mountPath"] for one in next(containers())["volumeMounts"]}
    paths = [value for value in settings().values() if value.startswith("/")]

    assert len(paths) == 4
    assert [path for path in paths if not {path, str(Path(path).parent)} & mounted] == []
    for name in ("GATE_DATABASE_URL_FILE", "GATE_SIGNING_KEY_FILE"):
        assert Path(settings()[name]).name in (ROOT / "docs/deploy/kubernetes.md").read_text()


def test_ports_are_where_the_gate_listens_and_others_point_at_them() -> None:
    ports = {one["name"]: one["containerPort"] for one in next(containers())["ports"]}

    assert ports == {
        "http": int(settings()["GATE_PORT"]),
        "metrics": int(settings()["GATE_METRICS_PORT"]),
    }
    assert {one["targetPort"] for one in of_kind("Service")["spec"]["ports"]} == set(ports)
    let_in = of_kind("NetworkPolicy")["spec"]["ingress"]
    assert {port["port"] for rule in let_in for port in rule["ports"]} == set(ports.values())


def test_everything_selects_the_pods_that_are_there() -> None:
    deployment, job = (pod["metadata"]["labels"] for pod in pods())
    spec = of_kind("Deployment")["spec"]
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]

    assert of_kind("Service")["spec"]["selector"] == deployment != job
    for selector in (
        spec["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"],
        spread["labelSelector"],
    ):
        assert selector == {"matchLabels": deployment}
    (expression,) = of_kind("NetworkPolicy")["spec"]["podSelector"]["matchExpressions"]
    assert set(expression["values"]) == {*deployment.values(), *job.values()}
    assert of_kind("PodDisruptionBudget")["spec"]["minAvailable"] < spec["replicas"]


def test_a_stop_waits_longer_than_the_gate_does() -> None:
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    leaves = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert pod["terminationGracePeriodSeconds"] > GRACE_SECONDS + leaves


@pytest.mark.anyio
async def test_probes_ask_what_the_gate_answers_without_a_token(
    sqlite_url: str, tmp_path: Path
) -> None:
    container = next(containers())
    paths = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    async with served(sqlite_url, tmp_path) as service:
        http = service.anybody()
        assert {(await http.get(path)).status_code for path in paths.values()} == {200}


def test_policies_are_read_from_a_configmap_as_kubernetes_mounts_it(tmp_path: Path) -> None:
    version = tmp_path / "..2026_01_05_09_00_00.1"
    version.mkdir()
    for name in ("catalog.yaml", "production.yaml"):
        (version / name).write_text(f"# {name}")
        (tmp_path / name).symlink_to(Path("..data") / name)
    (tmp_path / "..data").symlink_to(version.name)

    assert read_folder(tmp_path) == {
        "catalog.yaml": "# catalog.yaml",
        "production.yaml": "# production.yaml",
    }


def test_the_signing_key_is_made_without_asking_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page makes it before there is one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "database_url").write_text("postgresql+psycopg://gate:word@nowhere.invalid/gate")
    monkeypatch.setenv("GATE_BASE_URL", "https://gate.example.com")
    monkeypatch.setenv("GATE_DATABASE_URL_FILE", "database_url")
    monkeypatch.setenv("GATE_SIGNING_KEY_FILE", "signing.key")

    done = gate("ledger", "key")

    assert done.code == 0, done.err
    key = read_key(tmp_path / "signing.key", "https://gate.example.com")
    assert key is not None
    assert done.out.strip() == str(key.verifier)
