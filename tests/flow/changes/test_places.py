"""A service or an environment that the catalogue lacks is said to be unknown, wherever a change is
judged.
"""

from typing import Any

import pytest

from gate.flow.changes.evaluate import evaluate_change
from tests.builders import make_change
from tests.flow.shop import PIPELINE, Shop, as_json, reason

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("different", "rule", "because"),
    [
        pytest.param(
            {"service": "chekout"},
            "unknown-service",
            "the catalogue has no service chekout; did you mean checkout?",
            id="a service",
        ),
        pytest.param(
            {"environment": "prodution"},
            "unknown-environment",
            "the catalogue has no environment prodution; did you mean production?",
            id="an environment",
        ),
        pytest.param(
            {"service": "xyz"},
            "unknown-service",
            "the catalogue has no service xyz; add it in catalog.yaml, or name another service",
            id="nothing alike",
        ),
    ],
)
async def test_e26_a_name_that_the_catalogue_lacks_is_said_to_be_unknown(
    small_shop: Shop, different: dict[str, Any], rule: str, because: str
) -> None:
    evaluated = as_json(
        await evaluate_change(small_shop.gate, make_change("a", **different), PIPELINE)
    )
    submitted = await small_shop.submit("a", **different)

    for answer in (evaluated, submitted):
        assert (reason(answer, rule)["because"], reason(answer, rule)["holds"]) == (because, False)


async def test_e26_known_names_and_second_names_are_not_said_to_be_unknown(
    small_shop: Shop,
) -> None:
    for environment in ("production", "prod"):
        view = as_json(
            await evaluate_change(
                small_shop.gate, make_change("a", environment=environment), PIPELINE
            )
        )

        assert not [one for one in view["reasons"] if one["rule"].startswith("unknown")]
