"""Of which kinds files are, by their paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.kinds import FileKind, kind_of, kinds_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("src/pay/card.py", "source"),
        ("Makefile", "source"),
        ("docs/conf.py", "source"),  # a program in docs/ is a program
        (".md", "source"),  # a name without an ending
        ("requirements_engine.py", "source"),
        ("docs/how-to.md", "documents"),
        ("LICENSE", "documents"),
        ("tests/pay/card.py", "tests"),
        ("src/pay/test_card.py", "tests"),
        ("src/pay/card_test.go", "tests"),
        ("web/cart.spec.ts", "tests"),
        ("shop/migrations/0007_cart.py", "migrations"),
        ("tests/migrations/0007.py", "migrations"),  # of several kinds the first
        ("db/schema.sql", "migrations"),
        (".github/workflows/deploy.yml", "pipeline"),
        (".gitlab-ci.yml", "pipeline"),
        ("deploy/Dockerfile.web", "infrastructure"),
        ("net/main.tf", "infrastructure"),
        ("requirements-dev.txt", "dependencies"),
        ("web/package.json", "dependencies"),
        ("poetry.lock", "dependencies"),
        ("settings/app.yaml", "configuration"),
        ("web/logo.SVG", "assets"),
    ],
)
def test_a_file_is_of_one_kind(path: str, kind: str) -> None:
    assert kind_of(path) == kind


def test_the_kinds_of_a_change_are_one_key_whatever_the_order_and_number_of_files() -> None:
    assert kinds_of(["src/a.py", "src/b.py", "README.md"]) == "documents,source"
    assert kinds_of(["README.md", "src/a.py"]) == "documents,source"
    assert kinds_of([]) == kinds_of(["", "src/"]) == ""


@given(st.text(max_size=500))
def test_every_path_has_a_kind(path: str) -> None:
    assert kind_of(path) in FileKind
