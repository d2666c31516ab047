"""The house rules that a program can check, read from the syntax tree alone.

Each rule takes parsed modules and answers what is wrong, so that the tests can show it a planted
violation.
"""

import ast
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

LEVELS: tuple[tuple[str, ...], ...] = (
    ("app", "cli", "worker"),
    ("connections",),
    ("web",),
    ("api",),
    ("flow",),
    ("storage", "integrations"),
    ("ledger",),
    ("core",),
    ("config", "metrics", "tracing"),
    ("errors",),
)
"""Imports point down this table, never up and, but for the first line, never sideways."""

STRANGERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "flow": frozenset({"integrations"}),  # app.py and connections.py hand them in
        "ledger": frozenset({"config", "metrics", "tracing"}),
        "core": frozenset({"config", "metrics", "tracing"}),
    }
)
"""Downwards, and forbidden all the same."""

PURE = frozenset({"core", "ledger"})

PURE_LIBRARIES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "core": frozenset({"orjson", "re2", "rfc8785", "yaml"}),
        "ledger": frozenset({"cryptography", "orjson", "rfc8785"}),
    }
)
"""What computes only: everything else that is installed may reach out, so it is forbidden until it
stands here."""

IMPURE_STANDARD = frozenset(
    {
        "asyncio", "concurrent", "ctypes", "fcntl", "ftplib", "glob", "http", "io", "logging", "mmap", "multiprocessing", "os", "pathlib",
        "platform", "queue", "random", "sched", "secrets", "select", "shelve", "shutil", "signal", "smtplib", "socket", "socketserver",
        "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "webbrowser",
    }
)  # fmt: skip

PURE_NAMES = frozenset({"pathlib.PurePath", "pathlib.PurePosixPath"})
"""What is pure in a module that is not."""

IMPURE_CALLS = frozenset(
    {
        "open",
        "print",
        "input",
        "exec",
        "eval",
        "breakpoint",
        "__import__",
        "datetime.now",
        "datetime.utcnow",
        "datetime.today",
        "date.today",
    }
)

VAGUE = frozenset(
    {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}
)
FILE_LINES_MAX = 400
FILE_LINES_MIN = 30
TEST_FILE_LINES_MAX = 600  # examples, one under the other, are read one at a time
FUNCTION_LINES_MAX = 60
FUNCTION_NODES_MAX = 410  # syntax nodes without the docstring; a reader holds 30 to 150 in mind
LINE_NODES_MAX = 7.6  # syntax nodes a line that is not blank, over a part
FOLDER_FILES_MAX = 25

RIDDLES: Mapping[str, str] = MappingProxyType(
    {
        "told": "report, record, append or send",
        "tell": "report, record, append or send",
        "tells": "report, record, append or send",
        "telling": "the wording of a sentence, or sending",
        "tiding": "report",
        "tidings": "reports",
        "standing": "track record of a place, status of a standard change, state of an account",
        "standings": "track records, statuses or states",
        "room": "capacity, or what is left of a limit",
        "rooms": "folders",
        "desk": "waiting list",
        "house": "housekeeping",
        "chance": "random bytes, or a generator",
    }
)
"""Words that stood for several ideas in names, and what to write instead: one idea has one word."""

LONG_FILES: Mapping[str, str] = MappingProxyType(
    {
        "gate/core/facts.py": "a table: one fact under the other",
        "gate/config.py": "a table: one setting under the other",
    }
)
"""Path to the reason why the file may be longer."""

SMALL_FOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "gate/api": "a file for each resource, found by its path",
        "gate/api/audit": "a file for each resource, found by its path",
        "gate/api/learning": "a file for each resource, found by its path",
        "gate/api/models": "a file for each resource, found by its path",
        "gate/flow/answers": "a file for each resource, found by its path",
        "gate/web": "a file for each page, found by its path",
        "gate/web/audit": "a file for each page, found by its path",
        "gate/storage/migrations": "Alembic asks for these files",
        "gate/storage/migrations/versions": "a file for each migration",
        "benchmarks": "a file for each measurement",
    }
)
"""Folders in which a small file is found by its name, and the rule by which."""

SMALL_FILES: Mapping[str, str] = MappingProxyType(
    {
        "gate/api/http/refused.py": "what is recorded of a refusal, apart from how it is answered",
        "gate/cli/progress.py": "for imports, exports and the offline verifier",
        "gate/client/__main__.py": "python -m gate.client",
        "gate/client/connection/address.py": "may a secret be sent there? one question of security",
        "gate/core/counting.py": "for sentences of the flow, the command line and the offline verifier",
        "gate/core/messages/external.py": "a value that integrations and flow share",
        "gate/flow/audit/controls.py": "one question of auditors",
        "gate/flow/changes/evaluate.py": "one step of a change",
        "gate/flow/entries.py": "the one way to write to the ledger",
        "gate/flow/ledger/watch.py": "a value that the gate holds and the publisher changes",
        "gate/integrations/http/signed.py": "who sent a webhook? one question of security",
        "gate/storage/changes/words.py": "what a word is, for writing and for searching alike",
        "gate/storage/database/randomness.py": "a trick, explained once",
        "gate/storage/figures/rollups.py": "the one writer of sums",
        "gate/storage/identity/secrets.py": "a table of its own",
        "gate/storage/messages/leases.py": "a table of its own",
    }
)
"""Path to the reason why a file with so few lines is not folded into a neighbour."""

LONG_FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        "gate/core/policy/schema.py:schema": "a table in the form of JSON Schema",
        "gate/core/policy/schema.py:_definitions": "a table in the form of JSON Schema",
        "gate/metrics.py:__init__": "a list: one metric under the other",
    }
)
"""`path:function` to the reason why it may be longer."""

_RIDDLE = re.compile("|".join(RIDDLES), re.IGNORECASE)  # most files have none of these words
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MARK = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
_EXCUSE = re.compile(
    r"#\s*(?P<kind>noqa|type:\s*ignore)(?P<rule>:\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*|\[[a-z0-9-]+(?:,\s*[a-z0-9-]+)*\])?(?P<reason>.*)"
)
_REASON_CHARACTERS_MIN = 4


N = TypeVar("N", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Module:
    """One file: where it is (from the root of the repository) and what it says."""

    path: str
    source: str

    @property
    def tree(self) -> ast.Module:
        """The parsed source."""
        return _parsed(self.source)[0]

    def nodes(self, *kinds: type[N]) -> Iterator[N]:
        """Every node of these kinds."""
        found = _parsed(self.source)[1]
        for kind in kinds:
            yield from found.get(kind, ())

    @property
    def part(self) -> str | None:
        """`storage` for gate/storage/database/writer.py, `app` for gate/app.py, None outside the
        package and for gate itself.
        """
        pieces = Path(self.path).with_suffix("").parts
        return pieces[1] if pieces[0] == "gate" and pieces[1] != "__init__" else None

    @property
    def name(self) -> str:
        """The last word of the path: `writer`; for a package its folder."""
        pieces = Path(self.path).with_suffix("").parts
        return pieces[-2] if pieces[-1] == "__init__" else pieces[-1]


@lru_cache(maxsize=8)  # every rule asks, one module after the other
def _parsed(source: str) -> tuple[ast.Module, Mapping[type[ast.AST], list[Any]]]:
    """The tree, and its nodes by kind, because looking through all nodes takes as long as parsing
    and nearly every rule looks for a few kinds.
    """
    tree = ast.parse(source)
    found: dict[type[ast.AST], list[Any]] = {}
    for node in ast.walk(tree):
        found.setdefault(type(node), []).append(node)
    return tree, found


class Measured(NamedTuple):
    """What is counted in a source: its nodes, and each function that is too long with its line and
    its lines.
    """

    nodes: int
    long_functions: tuple[tuple[int, str, int], ...]


@cache  # several tests ask about the same files, and reading a result is cheaper than parsing again
def _measured(source: str) -> Measured:
    _, found = _parsed(source)
    functions = (*found.get(ast.FunctionDef, ()), *found.get(ast.AsyncFunctionDef, ()))
    counted = [
        (one.lineno, one.name, (one.end_lineno or one.lineno) - one.lineno + 1) for one in functions
    ]
    return Measured(
        sum(map(len, found.values())),
        tuple(one for one in counted if one[2] > FUNCTION_LINES_MAX),
    )


def modules(root: Path, *folders: str) -> list[Module]:
    """Every Python file below these folders."""
    return [
        Module(path=file.relative_to(root).as_posix(), source=file.read_text(encoding="utf-8"))
        for folder in folders
        for file in sorted((root / folder).rglob("*.py"))
    ]


def check(module: Module) -> list[str]:
    """Everything wrong with one module."""
    return [f"{module.path}:{line}: {what}" for rule in RULES for line, what in rule(module)]


def imports_point_down(module: Module) -> Iterator[tuple[int, str]]:
    """The table of parts; `client` knows nobody, and nobody but the command line knows `client`."""
    part = module.part
    if part is None:
        return
    for line, name in _imported(module):
        pieces = name.split(".")
        if pieces[0] != "gate" or len(pieces) == 1 or pieces[1] == part:
            continue
        if not _may_import(part, pieces[1]):
            yield line, f"{part} may not import {name}"


def _may_import(part: str, other: str) -> bool:
    if part == "client":
        return False
    if other == "client":
        return part == "cli"
    level, other_level = _level(part), _level(other)
    if level is None or other_level is None or other in STRANGERS.get(part, frozenset()):
        return False
    return other_level > level or (
        other_level == level == 0
    )  # the top line joins the parts, its own included


def _level(part: str) -> int | None:
    return next((number for number, parts in enumerate(LEVELS) if part in parts), None)


def every_part_has_a_place(module: Module) -> Iterator[tuple[int, str]]:
    """A new part stands in the table before anything imports it."""
    if module.part is not None and module.part != "client" and _level(module.part) is None:
        yield 1, f"{module.part} has no place in the table of parts"


def the_client_needs_nothing(module: Module) -> Iterator[tuple[int, str]]:
    """It runs in a pipeline from a checkout: standard library and git only."""
    if module.part != "client":
        return
    for line, name in _imported(module):
        if name.split(".")[0] not in sys.stdlib_module_names | {"gate"}:
            yield line, f"client may not import {name}: standard library only"


def pure_parts_stay_pure(module: Module) -> Iterator[tuple[int, str]]:
    """No input or output, no clock, no chance, no setting."""
    if module.part not in PURE:
        return
    for line, name in _imported(module):
        top = name.split(".")[0]
        if name in PURE_NAMES:
            continue
        if top in IMPURE_STANDARD or not (
            top == "gate" or top in sys.stdlib_module_names or top in PURE_LIBRARIES[module.part]
        ):
            yield line, f"{module.part} may not import {name}: it must stay pure"
    for node in module.nodes(ast.Call):
        if _called(node) in IMPURE_CALLS:
            yield node.lineno, f"{module.part} may not call {_called(node)}: it must stay pure"


def _called(call: ast.Call) -> str:
    """`open`, or the last two names of a dotted call: `datetime.now` for
    datetime.datetime.now().
    """
    return ".".join(ast.unparse(call.func).split(".")[-2:])


def imports_are_absolute(module: Module) -> Iterator[tuple[int, str]]:
    """One way to write an import, found by one search."""
    for node in module.nodes(ast.ImportFrom):
        if node.level:
            yield node.lineno, "relative import"


def modules_say_what_they_are_for(module: Module) -> Iterator[tuple[int, str]]:
    """One sentence at the top."""
    if not ast.get_docstring(module.tree):
        yield 1, "no docstring"


def packages_hold_a_docstring_alone(module: Module) -> Iterator[tuple[int, str]]:
    """Importing a package does nothing; gate/__init__.py also has the version."""
    if not module.path.endswith("__init__.py"):
        return
    for node in module.tree.body[1:]:
        is_version = module.path == "gate/__init__.py" and ast.unparse(node).startswith(
            "__version__ = "
        )
        if not is_version:
            yield node.lineno, "an __init__.py holds one docstring"


def names_say_something(module: Module) -> Iterator[tuple[int, str]]:
    """If there is no better name, the function belongs to its only caller."""
    if module.name in VAGUE:
        yield 1, f"{module.name} says nothing: name the file for the question it answers"


def names_are_no_riddles(module: Module) -> Iterator[tuple[int, str]]:
    """One idea has one word. Names of tests are sentences, in which these words may stand."""
    if not _RIDDLE.search(module.source):
        return
    is_test = module.path.startswith("tests/")
    for node in module.nodes(*_NAMING):
        for name in _named_by(node):
            riddles = RIDDLES.keys() & _words_of(name)
            if riddles and not (is_test and name.startswith("test_")):
                word = min(riddles)
                line = getattr(node, "lineno", 1)
                yield line, f"{name}: {word} may mean many things; write {RIDDLES[word]}"


_NAMING: tuple[type[ast.AST], ...] = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef),
    *(ast.Name, ast.arg, ast.Attribute, ast.alias),
)


def _named_by(node: ast.AST) -> tuple[str, ...]:
    """The names that a piece of syntax introduces."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return (name,)
        case ast.Attribute(attr=name, ctx=ast.Store()) | ast.alias(asname=str(name)):
            return (name,)
        case _:
            return ()


def _words_of(name: str) -> frozenset[str]:
    """`DeadLetter_of` has the words dead, letter and of."""
    return frozenset(word.lower() for word in _WORD.findall(name))


def requests_are_no_asks(module: Module) -> Iterator[tuple[int, str]]:
    """`…Request` comes from outside, `…Command` acts, `…Query` reads, `…Answer` goes out."""
    for node in module.nodes(ast.ClassDef):
        if node.name.endswith(("Ask", "Asked", "Asking")):
            yield node.lineno, f"{node.name}: write …Request, …Command, …Query or …Question"


def files_are_short(module: Module) -> Iterator[tuple[int, str]]:
    """Split before it is long."""
    lines = len(module.source.splitlines())
    allowed = TEST_FILE_LINES_MAX if module.path.startswith("tests/") else FILE_LINES_MAX
    if lines > allowed and module.path not in LONG_FILES:
        yield lines, f"{lines} lines, at most {allowed}"


def functions_are_short(module: Module) -> Iterator[tuple[int, str]]:
    """What does not fit a screen is not understood."""
    for line, name, lines in _measured(module.source).long_functions:
        if f"{module.path}:{name}" not in LONG_FUNCTIONS:
            yield line, f"{name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def functions_are_simple(module: Module) -> Iterator[tuple[int, str]]:
    """A function can be short and still say too much: its lines may be packed."""
    for node in _functions(module):
        body = node.body[1:] if ast.get_docstring(node) else node.body
        nodes = sum(1 for statement in body for _ in ast.walk(statement))
        if nodes > FUNCTION_NODES_MAX:
            yield node.lineno, f"{node.name} has {nodes} nodes, at most {FUNCTION_NODES_MAX}"


def _functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from module.nodes(ast.FunctionDef)
    yield from module.nodes(ast.AsyncFunctionDef)


def full_folders(modules: Iterable[Module]) -> list[str]:
    """Folders in which a reader no longer finds a file by looking."""
    files = Counter(str(Path(module.path).parent) for module in modules)
    return [
        f"{folder} has {count} files, at most {FOLDER_FILES_MAX}"
        for folder, count in sorted(files.items())
        if count > FOLDER_FILES_MAX
    ]


def small_files(modules: Iterable[Module]) -> list[str]:
    """Files that are not worth opening: a reader opens as few as possible."""
    return [
        f"{module.path} has {lines} lines: fold it into the file where a reader would look first"
        for module in modules
        if (lines := len(module.source.splitlines())) < FILE_LINES_MIN
        and not module.path.endswith("__init__.py")
        and module.path not in SMALL_FILES
        and Path(module.path).parent.as_posix() not in SMALL_FOLDERS
    ]


def packed_parts(modules: Iterable[Module]) -> list[str]:
    """Parts whose lines hold more than a reader takes in at once."""
    nodes: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for module in modules:
        part = module.part or "gate"
        nodes[part] += _measured(module.source).nodes
        lines[part] += sum(1 for line in module.source.splitlines() if line.strip())
    return [
        f"{part} has {nodes[part] / lines[part]:.1f} nodes a line, at most {LINE_NODES_MAX}"
        for part in sorted(nodes)
        if nodes[part] > LINE_NODES_MAX * lines[part]
    ]


def nothing_is_left_for_later(module: Module) -> Iterator[tuple[int, str]]:
    """A mark in the code is a task that nobody sees."""
    for line, comment in _comments(module.source):
        if mark := _MARK.search(comment):
            yield line, f"{mark.group()} in a comment"


def excuses_give_rule_and_reason(module: Module) -> Iterator[tuple[int, str]]:
    """A silenced check names the check and why it is wrong here."""
    for line, comment in _comments(module.source):
        for excuse in _EXCUSE.finditer(comment):
            if not excuse["rule"]:
                yield line, f"{excuse['kind']} names no rule"
            elif len(excuse["reason"].strip(" #-:")) < _REASON_CHARACTERS_MIN:
                yield line, f"{excuse['kind']} gives no reason"


def _comments(source: str) -> Iterator[tuple[int, str]]:
    if not (_MARK.search(source) or _EXCUSE.search(source)):
        return  # finding comments takes as long as all the rest
    lines = iter(source.splitlines(keepends=True))
    for token in tokenize.generate_tokens(lambda: next(lines, "")):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _imported(module: Module) -> Iterator[tuple[int, str]]:
    """Every name that is imported, wherever it stands; `from gate import core` is gate.core."""
    for plain in module.nodes(ast.Import):
        yield from ((plain.lineno, alias.name) for alias in plain.names)
    for node in module.nodes(ast.ImportFrom):
        if node.module and not node.level:
            yield from ((node.lineno, name) for name in _imported_from(node, node.module))


def _imported_from(node: ast.ImportFrom, module: str) -> list[str]:
    """The module, or where it matters what is taken from it, each name: gate.core,
    pathlib.PurePosixPath.
    """
    if module not in {"gate", "pathlib"}:
        return [module]
    return [f"{module}.{alias.name}" for alias in node.names if alias.name != "__version__"]


RULES = (
    imports_point_down,
    every_part_has_a_place,
    the_client_needs_nothing,
    pure_parts_stay_pure,
    imports_are_absolute,
    modules_say_what_they_are_for,
    packages_hold_a_docstring_alone,
    names_say_something,
    names_are_no_riddles,
    requests_are_no_asks,
    files_are_short,
    functions_are_short,
    functions_are_simple,
    nothing_is_left_for_later,
    excuses_give_rule_and_reason,
)
