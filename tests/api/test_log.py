"""`/v1/log`: pages, streams, and cells that no spreadsheet runs (A43)."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.api import log
from gate.api.formats import spreadsheet
from gate.api.formats.spreadsheet import COLUMNS, defused
from gate.api.log import chunked
from gate.flow.answers.decision import LogRowAnswer
from tests.answers import log_row
from tests.api.asgi import problem_name
from tests.api.served import Served, request, served

pytestmark = pytest.mark.anyio
DANGEROUS = (*"=+-@\t\r\n\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@pytest.fixture
async def service(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """The service with three decisions in its log."""
    async with served(sqlite_url, tmp_path) as running:
        http = await running.pipeline()
        for run in "123":
            assert (await http.post("/v1/changes", json=request(run))).status_code == 201
        yield running


async def test_a_pipeline_does_not_read_the_log(service: Served) -> None:
    assert problem_name(await (await service.pipeline()).get("/v1/log")) == "not_allowed"


async def test_every_form_has_the_same_rows(service: Served) -> None:
    http = await service.auditor()

    page = (await http.get("/v1/log")).json()["items"]
    lines = [
        json.loads(line) for line in (await http.get("/v1/log?format=ndjson")).text.splitlines()
    ]
    table = _table(await http.get("/v1/log?format=csv"))

    assert [row["run"]["id"] for row in page] == ["3", "2", "1"]
    assert lines == page
    assert [
        (
            row["change"],
            row["decision"],
            row["run.id"],
            row["outcome"],
            row["policy.name"],
            row["score"],
        )
        for row in table
    ] == [
        (
            row["change"],
            str(row["decision"]),
            row["run"]["id"],
            row["outcome"],
            row["policy"]["name"],
            str(row["score"]),
        )
        for row in page
    ]


async def test_the_log_is_asked_for_what_an_auditor_knows(service: Served) -> None:
    http = await service.auditor()
    row = (await http.get("/v1/log")).json()["items"][1]
    known = {
        "change": row["change"],
        "commit": row["commit"],
        "run": row["run"]["id"],
        "policy": row["policy"]["name"],
    }

    found = (
        await http.get(
            "/v1/log",
            params=known | {"revision": row["policy"]["revision"], "standard_change": "everyday"},
        )
    ).json()["items"]

    assert found == [row]
    assert (
        await http.get("/v1/log", params={"repository": 1, "issuer": "https://gitlab.com"})
    ).json()["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "repository=1",
        "issuer=https://gitlab.com",
        "commit=c0ffee",
        "change=1",
        "revision=1",
        "repository=x",
    ],
)
async def test_a_filter_that_cannot_fit_is_refused(service: Served, query: str) -> None:
    assert (await (await service.auditor()).get(f"/v1/log?{query}")).status_code == 422


async def test_section_8_the_log_finds_a_commit_by_its_first_characters(service: Served) -> None:
    http = await service.auditor()
    commit = (await http.get("/v1/log")).json()["items"][0]["commit"]

    by_words = (await http.get("/v1/log", params={"q": commit[:7]})).json()["items"]
    by_commit = (await http.get("/v1/log", params={"commit": commit[:7]})).json()["items"]
    changes = (await http.get("/v1/changes", params={"q": commit[:7]})).json()["items"]

    assert len(by_words) == len(by_commit) == len(changes) == 3
    assert {one["commit"] for one in (*by_words, *by_commit, *changes)} == {commit}


async def test_a_parameter_that_is_not_there_is_answered_with_those_that_are(
    service: Served,
) -> None:
    response = await (await service.auditor()).get("/v1/changes?zzzzzz=1")

    (error,) = response.json()["errors"]
    assert error["detail"] == (
        "unknown field; allowed are from, to, cursor, limit, state, service, environment, type, "
        "band, outcome, q"
    )


async def test_a_page_goes_on_where_the_one_before_ended(service: Served) -> None:
    http = await service.auditor()

    first = (await http.get("/v1/log?limit=2")).json()
    second = (await http.get("/v1/log", params={"limit": 2, "cursor": first["next"]})).json()

    assert [row["run"]["id"] for row in (*first["items"], *second["items"])] == ["3", "2", "1"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "runs"),
    [
        ("q=nobody", []),
        (
            "service=web&environment=staging&type=standard&route=automatic&band=low&outcome=approved",
            ["3", "2", "1"],
        ),
        ("outcome=rejected", []),
        ("to=2000-01-01T00:00:00Z", []),
    ],
)
async def test_every_form_takes_the_filters(service: Served, query: str, runs: list[str]) -> None:
    http = await service.auditor()

    assert [
        row["run"]["id"] for row in (await http.get(f"/v1/log?{query}")).json()["items"]
    ] == runs
    assert [row["run.id"] for row in _table(await http.get(f"/v1/log?format=csv&{query}"))] == runs


async def test_a_table_without_rows_has_its_header(service: Served) -> None:
    response = await (await service.auditor()).get("/v1/log?format=csv&to=2000-01-01T00:00:00Z")

    assert response.text == ",".join(COLUMNS) + "\r\n"
    assert response.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert response.headers["content-disposition"] == 'attachment; filename="log.csv"'


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "\0x",
        '=HYPERLINK("http://x")',
        "=cmd|' /C calc'!A0",
    ],
)
async def test_a43_what_people_wrote_is_text_in_a_spreadsheet(text: str) -> None:
    row = await _written(log_row(requested_by=text))

    assert row["requested_by"] == "'" + text


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_a43_no_cell_begins_like_a_formula_and_every_other_one_is_as_it_was(text: str) -> None:
    cell = defused(text)

    assert not cell.startswith(DANGEROUS)
    assert cell in {text, "'" + text}
    assert (cell == text) is not text.startswith(DANGEROUS)


@pytest.mark.parametrize("text", ["a,b", 'say "x"', "two\r\nlines", "ä 決", "", " =1", "'=1"])
async def test_a_cell_comes_back_as_it_was(text: str) -> None:
    assert (await _written(log_row(requested_by=text)))["requested_by"] == text


async def test_what_is_not_known_is_an_empty_cell() -> None:
    row = await _written(log_row(repository=None, run=None, requested_by=None))

    assert [row[name] for name in ("repository.id", "run.id", "run.attempt", "requested_by")] == [
        ""
    ] * 4


async def test_a_stream_is_sent_in_pieces_and_only_as_fast_as_it_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log, "CHUNK_BYTES", 10)  # the real size would need a long log
    made: list[int] = []

    async def lines() -> AsyncIterator[bytes]:
        for k in range(6):
            made.append(k)
            yield b"12345\n"

    pieces = chunked(lines())

    assert await anext(pieces) == b"12345\n12345\n"
    await asyncio.sleep(0)
    assert made == [0, 1]
    assert [piece async for piece in pieces] == [b"12345\n12345\n"] * 2


def _table(response: httpx.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(response.text, newline="")))


async def _written(row: LogRowAnswer) -> dict[str, str]:
    async def rows() -> AsyncIterator[LogRowAnswer]:
        yield row

    text = b"".join([line async for line in spreadsheet.lines(rows())]).decode()
    return next(csv.DictReader(io.StringIO(text, newline="")))
