"""The document as it is served: what it promises of every answer."""

import pytest

from tests.api.openapi import openapi

SCHEMAS = openapi()["components"]["schemas"]
OPEN = {"EntryAnswer", "SchemaAnswer"}
"""Answers whose other fields depend on what they are about."""


@pytest.mark.parametrize(
    "name", sorted(one for one in SCHEMAS if one.endswith("Answer") or one.startswith("Page_"))
)
def test_an_answer_has_all_of_its_fields_always_and_no_others(name: str) -> None:
    schema = SCHEMAS[name]

    assert (schema["additionalProperties"] is False) is (name not in OPEN)
    if name not in OPEN:
        assert set(schema["required"]) == set(schema["properties"])


def test_a_request_takes_no_other_fields() -> None:
    requests = [one for one in SCHEMAS if one.endswith(("Request", "Ask"))]

    assert requests
    assert all(SCHEMAS[one]["additionalProperties"] is False for one in requests)
