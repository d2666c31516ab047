"""A folder is read as one: three parts that agree, or every fault of all of them."""

import re

import pytest

from gate.core.rulebook.bundle import FAULTS_SAID_MAX, FILES_MAX, read_bundle
from gate.errors import Invalid
from tests.core.policy_texts import policy_text

CATALOGUE = """
services: {checkout: {owners: [payments]}}
groups:
  release-managers: {people: [ada, ben]}
  payments: {people: [cy]}
  by-sso: {sso: [everybody]}
people:
  ada: {emails: [ada@example.com]}
  ben: {emails: [ben@example.com]}
  cy: {emails: [cy@example.com]}
"""


def files(*lines: str, **more: str) -> dict[str, str]:
    """A small policy and its catalogue."""
    return {"small.yaml": policy_text(*lines), "catalog.yaml": CATALOGUE} | {
        f"{name}.yaml": text for name, text in more.items()
    }


def review(by: str, approvals: int = 1) -> str:
    """One entry."""
    return f"review: [{{from_band: low, approvals: {approvals}, by: {by}}}]"


def faults(read: dict[str, str]) -> list[tuple[str, str]]:
    """What is wrong, and where."""
    with pytest.raises(Invalid) as refused:
        read_bundle(read)
    return [(fault.where, fault.detail) for fault in refused.value.faults]


PLACE = re.compile(r"[a-z]+\.yaml:[0-9]+:[0-9]+")
LACKS = "which is no group of the catalogue; add it in catalog.yaml, or name another"
NEEDED = "are needed; add people in catalog.yaml"


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (review("[nobody]"), f"by: found nobody, {LACKS}"),
        (review("[payments]", 2), f"by: payments has 1 people, but 2 {NEEDED}"),
        (
            review("[payments, release-managers]", 4),
            f"by: payments and release-managers have 3 people, but 4 {NEEDED}",
        ),
        (
            "emergency: {by: [on-call], approvals: 1, valid_for: 1h, review_within: 72h}",
            f"by: found on-call, {LACKS}",
        ),
        ("remind: {after: 2h, escalate_to: [board]}", f"escalate_to: found board, {LACKS}"),
    ],
)
def test_a_review_that_nobody_can_give_is_refused(line: str, detail: str) -> None:
    found = faults(files(line))

    assert [text for _, text in found] == [detail]
    assert PLACE.fullmatch(found[0][0])


def test_e26_a_misspelt_group_is_named_with_its_place_and_what_is_meant() -> None:
    text = policy_text(review("[payments, release-manager, paymnts]"))
    number, line = next(
        (k, line) for k, line in enumerate(text.splitlines(), start=1) if line.startswith("review")
    )

    assert faults({**files(), "small.yaml": text}) == [
        (
            f"small.yaml:{number}:{line.index(word) + 1}",
            f"by: found {word}, which is no group of the catalogue; did you mean {meant}?",
        )
        for word, meant in (("release-manager", "release-managers"), ("paymnts", "payments"))
    ]


def test_e26_every_misspelt_name_of_every_file_is_told_at_once() -> None:
    window = (
        "freezes:\n  - {id: w, reason: R, begins: 2026-12-20T00:00, lasts: 1h, services: "
        "[chekout]}\n"
    )
    other = policy_text("mode: off", "emergency: {by: [ada], approvals: 1}").replace(
        "policy: small", "policy: other"
    )
    found = faults({**files(review("[paymnts]"), calendar=window), "other.yaml": other})

    assert {where.partition(":")[0] for where, _ in found} == {
        "calendar.yaml",
        "other.yaml",
        "small.yaml",
    }
    assert all(PLACE.fullmatch(where) for where, _ in found)
    assert sum("did you mean" in detail for _, detail in found) == 2


def test_a_catalogue_that_cannot_be_read_makes_no_name_elsewhere_wrong() -> None:
    window = (
        "freezes: [{id: w, reason: R, begins: 2026-12-20T00:00, lasts: 1h, services: [checkout]}]\n"
    )
    broken = {**files(review("[payments]"), calendar=window), "catalog.yaml": "services: 7\n"}

    assert [where for where, _ in faults(broken)] == ["catalog.yaml:1:11"]


@pytest.mark.parametrize(
    "by",
    [
        "[owners]",
        "[by-sso]",
        "[payments, by-sso]",
        "[payments, owners]",
        "[payments, release-managers]",
    ],
)
def test_groups_whose_size_is_not_known_here_are_trusted_to_be_large_enough(by: str) -> None:
    assert read_bundle(files(review(by, 3))).policies.named("small") is not None


def test_one_broken_file_does_not_hide_the_faults_of_the_others() -> None:
    broken = {
        "small.yaml": "policy: small\nrules: 7\n",
        "catalog.yaml": "people: [ada]\n",
        "calendar.yaml": "time_zone: Mars/Olympus\n",
    }

    found = {where.partition(":")[0] for where, _ in faults(broken)}

    assert found == {"small.yaml", "catalog.yaml", "calendar.yaml"}


def test_the_message_names_the_first_faults_and_counts_the_rest() -> None:
    broken = {f"p{number}.yaml": "rules: 7\n" for number in range(FAULTS_SAID_MAX + 2)}

    with pytest.raises(Invalid) as refused:
        read_bundle(broken)

    assert refused.value.detail.endswith(f"and {len(refused.value.faults) - FAULTS_SAID_MAX} more")
    assert refused.value.detail.count(".yaml:") == FAULTS_SAID_MAX


def test_too_many_files_are_refused() -> None:
    with pytest.raises(
        Invalid, match=f"found {FILES_MAX + 1} files, at most {FILES_MAX} are allowed"
    ):
        read_bundle({f"p{number}.yaml": "" for number in range(FILES_MAX + 1)})


def test_a_part_that_is_absent_says_nothing() -> None:
    nothing = read_bundle({})

    assert (nothing.policies.all, dict(nothing.catalogue.people), nothing.calendar.freezes) == (
        (),
        {},
        (),
    )


def test_the_calendar_is_read_against_the_catalogue() -> None:
    window = (
        "time_zone: UTC\nfreezes: [{id: w, reason: R, begins: 2026-12-20T00:00, lasts: 1h, "
        "services: [web]}]\n"
    )

    assert ("calendar.yaml:2" in str(faults(files(calendar=window)))) is True
    assert (
        read_bundle(files(calendar=window.replace("web", "checkout"))).calendar.freezes[0].id == "w"
    )


def test_another_file_in_the_folder_must_be_a_policy() -> None:
    assert faults(files(notes="title: Notes\n"))[0][0].startswith("notes.yaml:1")


PLACES = "environments: {production: {tier: production}, staging: {tier: staging}}\n"


def observed(gates: str) -> dict[str, str]:
    """A review that nobody can give, and where the gate only observes the one service."""
    service = f"{{owners: [payments], gate: {gates}}}"
    catalogue = PLACES + CATALOGUE.replace("{owners: [payments]}", service)
    return files(review("[payments]", 2)) | {"catalog.yaml": catalogue}


def test_h2_a_group_that_is_too_small_is_a_warning_where_the_gate_only_observes() -> None:
    found = read_bundle(observed("{production: observe, staging: observe}")).warnings

    assert ["payments has 1 people, but 2 are needed" in one.detail for one in found] == [True]


@pytest.mark.parametrize(
    "gates", ["{production: observe}", "{production: observe, staging: enforce}"]
)
def test_h2_it_is_a_fault_as_soon_as_the_gate_enforces_anywhere(gates: str) -> None:
    assert len(faults(observed(gates))) == 1


def test_h2_it_is_a_fault_where_another_service_is_not_observed() -> None:
    read = observed("{production: observe, staging: observe}")
    read["catalog.yaml"] = read["catalog.yaml"].replace("services: {", "services: {web: {}, ")

    assert len(faults(read)) == 1
