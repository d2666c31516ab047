"""The signing key of a running server: looked for until it is there, and never replaced
afterwards.
"""

from pathlib import Path

import pytest

from gate.errors import Unavailable
from gate.flow.signing import Signing, make_key

pytestmark = pytest.mark.anyio
ADDRESS = "https://gate.example.com"


async def test_without_a_file_there_is_no_key_and_it_is_said_what_to_set() -> None:
    signing = Signing(None, ADDRESS)

    with pytest.raises(Unavailable, match="sets GATE_SIGNING_KEY_FILE") as refusal:
        await signing.require()

    assert refusal.value.problem == "signing_unavailable"


async def test_a_file_that_is_no_key_signs_nothing_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "gate.key").write_text("nonsense")
    signing = Signing(tmp_path / "gate.key", ADDRESS)

    with pytest.raises(Unavailable, match="cannot be used"):
        await signing.require()

    problem = await signing.problem()
    assert problem is not None
    assert (await signing.find(), "nonsense" in problem, str(tmp_path) in problem) == (
        None,
        False,
        False,
    )


async def test_e25_a_key_that_is_made_later_is_used(tmp_path: Path) -> None:
    signing = Signing(tmp_path / "gate.key", ADDRESS)
    before = await signing.problem()

    made = make_key(tmp_path / "gate.key", ADDRESS)

    assert before is not None
    assert "`gate ledger key`" in before
    assert (await signing.require()).verifier == made.verifier
    assert await signing.problem() is None


async def test_e25_a_file_that_is_mended_later_is_used(tmp_path: Path) -> None:
    (tmp_path / "gate.key").write_text(
        ""
    )  # as somebody sees it who looks while it is being written
    signing = Signing(tmp_path / "gate.key", ADDRESS)
    assert await signing.find() is None

    (tmp_path / "gate.key").unlink()
    made = make_key(tmp_path / "gate.key", ADDRESS)

    assert (await signing.require()).verifier == made.verifier


async def test_a_key_is_never_replaced_under_a_running_server(tmp_path: Path) -> None:
    first = make_key(tmp_path / "gate.key", ADDRESS)
    signing = Signing(tmp_path / "gate.key", ADDRESS)
    await signing.require()

    (tmp_path / "gate.key").unlink()
    make_key(tmp_path / "gate.key", ADDRESS)

    assert (await signing.require()).verifier == first.verifier
