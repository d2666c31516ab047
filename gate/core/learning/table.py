"""Reads a table of changes row by row, as a map says: each row becomes facts; an empty cell is an
unknown one.

Only the columns that are asked for are read. Anything else than a value of the fact is refused with
file and line, because a figure over rows that were left out would be a figure of something else.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from gate.core.counting import counted
from gate.core.facts import DECIMAL_UNIT, INTEGER_MAX, TEXT_LENGTH_MAX, FactDef, FactType, Value
from gate.core.learning.map import ColumnMap
from gate.core.yaml.fields import did_you_mean
from gate.core.yaml.reader import clip
from gate.errors import Fault, Invalid

COLUMNS_SHOWN_MAX = 40
NUMBER_LENGTH_MAX = 40

_NO_NUMBER = Decimal("NaN")
_BOOLEANS = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}

Cell = Callable[[str], Value]
"""Reads one cell that is not empty. Raises `ValueError` with what is allowed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One change: its facts by name, what is absent being unknown, and the cells that are kept."""

    line: int
    values: dict[str, Value]
    kept: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    """The position of a fact's cell, and the function that reads it."""

    index: int
    name: str
    fact: str
    read: Cell


def read_rows(
    lines: Iterable[str],
    name: str,
    column_map: ColumnMap,
    *,
    facts: frozenset[str],
    keep: Sequence[str] = (),
) -> Iterator[Row]:
    """Yield every row of the table. `name` is the file's name in errors.

    All columns of the map must exist, even those of facts that are not asked for, because a map of
    another table would silently make facts unknown. Raises `Invalid` at the first row that cannot
    be read.
    """
    reader = csv.reader(lines, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise _refused(name, 1, "found an empty file, allowed is a table with a header")
        columns, kept = _header(header, name, column_map, facts, keep)
        for cells in reader:
            if cells:
                yield _row(cells, reader.line_num, name, len(header), columns, kept)
    except csv.Error as error:
        raise _refused(name, reader.line_num, f"found no row of a CSV file ({error})") from None


def _header(
    header: Sequence[str],
    name: str,
    column_map: ColumnMap,
    facts: frozenset[str],
    keep: Sequence[str],
) -> tuple[list[_Column], list[int]]:
    """Return the positions of the wanted columns. Raises `Invalid`, which names every
    missing one.
    """
    where = f"{name}:1"
    faults = [
        Fault(f"{clip(one.column)}: {_absent(one.column, header, name)}", str(one.place))
        for one in column_map.columns
        if one.column not in header
    ]
    faults += [
        Fault(f"{clip(column)}: {_absent(column, header, name)}", where)
        for column in keep
        if column not in header
    ]
    wanted = {one.column for one in column_map.columns}.union(keep)
    faults += [
        Fault(f"found the column {clip(column)} twice; rename one of them", where)
        for column in dict.fromkeys(header)
        if column in wanted and header.count(column) > 1
    ]
    if faults:
        raise Invalid(f"{faults[0].where}: {faults[0].detail}", faults=faults)
    columns = [
        _Column(
            header.index(one.column), one.column, one.fact.name, cell_reader(one.fact, one.scale)
        )
        for one in column_map.columns
        if one.fact.name in facts
    ]
    return columns, [header.index(column) for column in keep]


def _absent(column: str, header: Sequence[str], name: str) -> str:
    shown = ", ".join(map(clip, header[:COLUMNS_SHOWN_MAX]))
    more = f" and {len(header) - COLUMNS_SHOWN_MAX} more" if len(header) > COLUMNS_SHOWN_MAX else ""
    return f"{name} has no such column, allowed are {shown}{more}{did_you_mean(column, header)}"


def _row(
    cells: Sequence[str],
    line: int,
    name: str,
    width: int,
    columns: Sequence[_Column],
    kept: Sequence[int],
) -> Row:
    if len(cells) != width:
        raise _refused(name, line, f"found {counted(len(cells), 'cell')}, the header has {width}")
    values: dict[str, Value] = {}
    for column in columns:
        text = cells[column.index].strip()
        if text:
            try:
                values[column.fact] = column.read(text)
            except ValueError as error:
                raise _refused(
                    name, line, f"{clip(column.name)}: found {clip(text)}, allowed is {error}"
                ) from None
    return Row(line, values, tuple(cells[index] for index in kept))


def _refused(name: str, line: int, detail: str) -> Invalid:
    return Invalid(f"{name}:{line}: {detail}", faults=[Fault(detail, f"{name}:{line}")])


def cell_reader(fact: FactDef, scale: Decimal | None) -> Cell:
    """Return a function that reads a cell of that fact. It multiplies numbers by `scale`, and then
    makes a value as the gate makes one.

    Whole numbers are rounded down, as days and hours are everywhere; decimals have four places.
    """
    if fact.type is FactType.INTEGER:
        return lambda text: _whole(text, scale)
    if fact.type is FactType.DECIMAL:
        return lambda text: _decimal(text, scale)
    if fact.type is FactType.BOOLEAN:
        return boolean
    return lambda text: _text(text, fact)


def boolean(text: str) -> bool:
    """Return what a cell says of yes and no. Raises `ValueError` with what is allowed."""
    found = _BOOLEANS.get(text.lower())
    if found is None:
        raise ValueError("1, 0, true or false")
    return found


def _whole(text: str, scale: Decimal | None) -> int:
    number = _number(text, scale, INTEGER_MAX)
    return int(number.to_integral_value(ROUND_FLOOR))


def _decimal(text: str, scale: Decimal | None) -> int:
    number = _number(text, scale, INTEGER_MAX // DECIMAL_UNIT)
    return int((number * DECIMAL_UNIT).to_integral_value())


def _number(text: str, scale: Decimal | None, highest: int) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= NUMBER_LENGTH_MAX else _NO_NUMBER
        if scale is not None:
            number *= scale
    except ArithmeticError:  # no number at all, or one past every limit
        number = _NO_NUMBER
    if not number.is_finite() or not 0 <= number <= highest:
        raise ValueError(f"a number from 0 to {highest}, or nothing where it is unknown")
    return number


def _text(text: str, fact: FactDef) -> str:
    if fact.choices and text not in fact.choices:
        raise ValueError(f"{' or '.join(fact.choices)}{did_you_mean(text, fact.choices)}")
    if len(text) > TEXT_LENGTH_MAX:
        raise ValueError(f"a text of at most {TEXT_LENGTH_MAX} characters")
    return text
