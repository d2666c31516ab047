"""A place that is not there cannot be frozen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gate.errors import Invalid
from gate.flow.commands import FreezeCommand
from gate.flow.policies import freezes
from tests.flow.shop import ADA, Shop

pytestmark = pytest.mark.anyio


def window(**different: Any) -> FreezeCommand:
    """A window of two hours that begins now."""
    return FreezeCommand(
        "Year-end closing", ends=datetime.now(UTC) + timedelta(hours=2), **different
    )


STOP = FreezeCommand("The data centre burns", stop=True)


@pytest.mark.parametrize(
    ("command", "where", "detail"),
    [
        pytest.param(
            window(services=("checkout", "chekout")),
            "#/services/1",
            "the catalogue has no service chekout; did you mean checkout?",
            id="a window for a service",
        ),
        pytest.param(
            window(environments=("prodution",)),
            "#/environments/0",
            "the catalogue has no environment prodution; did you mean production?",
            id="a window for an environment",
        ),
        pytest.param(
            replace(STOP, services=("xyz",)),
            "#/services/0",
            "the catalogue has no service xyz; add it in catalog.yaml, or name another service",
            id="a stopped line",
        ),
    ],
)
async def test_e26_a_place_that_is_not_there_is_not_frozen(
    small_shop: Shop, command: FreezeCommand, where: str, detail: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await freezes.add(small_shop.gate, command, ADA)

    assert [(fault.where, fault.detail) for fault in refused.value.faults] == [(where, detail)]
    assert refused.value.problem == "invalid"
    assert (await freezes.listing(small_shop.gate, ADA)).items == ()
