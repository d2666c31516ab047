"""Controls that regulators and auditors ask for, and what the gate itself does for each.

A policy names the controls it serves by `framework:clause`. Any framework may be named; of those in
this table the gate also says what they ask, in words of its own, and which report answers it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from gate.core.policy.grounds import Grounds
from gate.core.policy.policy import Mode, Policy

FRAMEWORKS: Mapping[str, str] = MappingProxyType(
    {
        "soc2": "SOC 2",
        "iso27001": "ISO/IEC 27001",
        "pci": "PCI DSS",
        "nist": "NIST SP 800-53",
        "dora": "EU DORA, Regulation (EU) 2022/2554",
        "fedramp": "FedRAMP",
    }
)
"""The names of frameworks, by the word before the colon."""


class Control(NamedTuple):
    """One clause: what it asks, what the gate does whatever the policies say, and where to look."""

    asks: str
    by_the_gate: str
    reports: tuple[str, ...] = ()


KNOWN: Mapping[str, Control] = MappingProxyType(
    {
        "soc2:CC8.1": Control(
            "Changes are authorised, tested and approved before they are put in use.",
            "A deployment is admitted only if a policy or enough people approved exactly it; each "
            "decision is recorded before its answer.",
            ("unapproved-production", "self-approval", "bypass"),
        ),
        "iso27001:A.8.32": Control(
            "Changes to systems follow a procedure for managing changes.",
            "Policies in files are the procedure; which revision was in force is in each decision.",
            ("policy-changes", "by-policy-revision", "bypass"),
        ),
        "pci:6.5.1": Control(
            "Changes to production have a reason, a documented impact on security, an approval, a "
            "test and a way back.",
            "The request keeps reason, impact on security, test plan and rollback plan; approvals "
            "name what they were given for.",
            ("unapproved-production", "self-approval", "overrides"),
        ),
        "nist:CM-3": Control(
            "Changes are proposed, reviewed for their impact on security, decided, recorded and "
            "watched.",
            "Every decision keeps its facts, reasons and policies; it can be made again from them.",
            ("unapproved-production", "rejected-then-approved", "unclosed-admissions"),
        ),
        "nist:CM-4": Control(
            "The impact of a change is looked at before it is made.",
            "Every rule of the policy is evaluated for every change; what is unknown counts as the "
            "worst case.",
            ("by-policy-revision",),
        ),
        "nist:CM-5": Control(
            "Only those who may can change what is in use.",
            "Who wrote or asked for a change never approves it; machines never approve.",
            ("entitled-approvers", "access-changes", "self-approval"),
        ),
        "nist:AU-9": Control(
            "Records of what happened are kept from change and deletion.",
            "Each entry is a leaf of a Merkle tree whose head is signed; an export shows any "
            "change to whoever has the public key and an older head.",
            ("completeness",),
        ),
        "nist:AU-10": Control(
            "Nobody can deny what they did.",
            "An approval is an entry of a signed log, with the digest of what was shown.",
            ("double-approval", "overrides"),
        ),
        "dora:Art.9": Control(
            "Changes to ICT systems are recorded, tested, assessed, approved, implemented and "
            "verified in a controlled way.",
            "The life of a change from request to closure and incident is one record that can be "
            "exported.",
            ("unapproved-production", "unclosed-admissions", "overdue-reviews"),
        ),
        "fedramp:SCN-ADP": Control(
            "Customers hear of an adaptive change within ten business days after it.",
            "A change keeps its reason, its impact on security and customers, and when it ended; "
            "its notice says by which day it is due.",
            ("notices",),
        ),
        "fedramp:SCN-TRF": Control(
            "Customers hear of a transformative change 30 and 10 business days before it, 5 after "
            "it and after its verification, and read of it in the documentation within 30.",
            "A change keeps its planned times, its reason and its impact on customers; its notice "
            "says by which day each duty is due.",
            ("notices",),
        ),
    }
)
"""The known controls by id."""


@dataclass(frozen=True, slots=True)
class Served:
    """One entry of a policy that is in force."""

    policy: str
    kind: str
    id: str
    title: str
    grounds: Grounds


def entries(policies: Iterable[Policy]) -> Iterator[Served]:
    """Yield every rule, requirement and standard change of the enforced policies."""
    for policy in policies:
        if policy.mode is not Mode.ENFORCE:
            continue
        for kind, group in (
            ("rule", policy.rules),
            ("requirement", policy.requirements),
            ("standard_change", policy.standard_changes),
        ):
            for one in group:
                yield Served(policy.name, kind, one.id, one.title, one.grounds)


def served(policies: Iterable[Policy]) -> dict[str, list[Served]]:
    """Return the entries that serve each control. Known controls come first, even
    without entries.
    """
    found: dict[str, list[Served]] = {name: [] for name in KNOWN}
    for entry in entries(policies):
        for name in entry.grounds.control:
            found.setdefault(name, []).append(entry)
    return found
