"""The request of every benchmark: a routine change with all the facts a pipeline can give, another
run each time.
"""

import json

from benchmarks.load import PLACE

ENVIRONMENT = "staging"


def submit_body(service: str, run: str = PLACE.decode()) -> dict[str, object]:
    """A valid submit; `run` tells one asking from another."""
    return {
        "service": service,
        "environment": ENVIRONMENT,
        "commit": "5b1f9a7c2d3e4f60718293a4b5c6d7e8f9012345",
        "base": "0c1d2e3f405162738495a6b7c8d9eaf0b1c2d3e4",
        "ref": "refs/heads/main",
        "title": "Show the delivery date in the basket",
        "requested_by": "ada@example.com",
        "authors": ["ada@example.com", "cy@example.com"],
        "artifacts": [{"name": "checkout", "digest": "sha256:" + "9c" * 32}],
        "run": {"id": run, "attempt": 1, "step": "deploy", "url": "https://ci.example.com/runs/1"},
        "facts": {
            "diff": {
                "files": [f"src/basket/part_{number}.py" for number in range(12)],
                "files_changed": 12,
                "lines_added": 148,
                "lines_deleted": 37,
                "commits": 3,
                "directories": 2,
                "subsystems": 1,
                "reverts": False,
            },
            "author": {
                "changes": 210,
                "recent_changes": 14,
                "subsystem_changes": 32,
                "count": 2,
                "known": True,
            },
            "change": {
                "fixes_defect": False,
                "has_rollback_plan": True,
                "has_test_plan": True,
                "age_hours": 5,
            },
            "checks": {"total": 9, "passed": 9, "failed": 0, "pending": 0, "failed_names": []},
            "reviews": {
                "approvals": 2,
                "changes_requested": 0,
                "by_owner": True,
                "approved_head": True,
            },
        },
        "labels": {"train": "weekly"},
    }


def as_text(body: dict[str, object]) -> str:
    """As it goes over the wire."""
    return json.dumps(body, separators=(",", ":"))
