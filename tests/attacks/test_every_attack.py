"""Where each attack is shown to fail. A number without a case or a reason fails here."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NUMBERS = [*range(1, 41), 43, *range(45, 48), *range(53, 72)]
"""The right people, their browsers, what is asked of lists, and the log. The others are met where the client,
exports and integrations are tested."""

SHOWN: Mapping[str, str] = {
    "A01": "attacks/test_approvals.py attacks/test_named_later.py flow/changes/test_excluded.py "
    "flow/changes/test_review.py",
    "A02": "attacks/test_approvals.py attacks/test_named_later.py flow/changes/test_review.py "
    "web/test_single_sign_on.py",
    "A03": "attacks/test_approvals.py attacks/test_named_later.py flow/changes/test_listen.py",
    "A04": "attacks/test_approvals.py core/catalogue/test_identity.py",
    "A05": "attacks/test_approvals.py core/decision/test_decide.py",
    "A06": "attacks/test_approvals.py core/decision/test_admission.py",
    "A07": "attacks/test_approvals.py flow/changes/test_admit.py",
    "A08": "attacks/test_approvals.py core/decision/test_admission.py",
    "A09": "attacks/test_approvals.py core/decision/test_admission.py",
    "A10": "attacks/test_approvals.py flow/changes/test_admit.py",
    "A11": "attacks/test_final_once.py flow/changes/test_review.py",
    "A12": "attacks/test_approvals.py core/decision/test_quorum.py",
    "A13": "attacks/test_approvals.py attacks/test_named_later.py flow/changes/test_review.py",
    "A14": "attacks/test_approvals.py attacks/test_two_people.py api/test_workloads.py",
    "A15": "attacks/test_approvals.py flow/changes/test_listen.py",
    "A16": "flow/changes/test_stale.py",
    "A17": "attacks/test_approvals.py flow/identity/test_people.py",
    "A18": "attacks/test_approvals.py attacks/test_named_later.py flow/changes/test_rejected.py",
    "A19": "api/test_workloads.py",
    "A20": "api/test_identity_tokens.py",
    "A21": "api/test_identity_tokens.py web/test_single_sign_on.py",
    "A22": "api/test_workloads.py",
    "A23": "api/test_workloads.py",
    "A24": "api/test_token_replay.py",
    "A25": "api/test_identity_tokens.py integrations/identity/test_jwks.py",
    "A26": "api/test_identity_tokens.py integrations/identity/test_jwks.py",
    "A27": "api/test_identity_tokens.py",
    "A28": "api/test_tokens.py api/http/test_edge.py flow/identity/test_access.py",
    "A29": "api/test_changes.py api/models/test_change.py",
    "A30": "web/test_login.py flow/test_attempts.py api/http/test_proxies.py",
    "A31": "api/test_permissions.py api/test_changes.py",
    "A32": "api/http/test_edge.py api/test_permissions.py",
    "A33": "attacks/test_approvals.py api/models/test_change.py",
    "A34": "web/test_hostile.py",
    "A35": "web/test_hostile.py web/test_visible.py",
    "A36": "api/models/test_change.py web/test_hostile.py",
    "A37": "web/test_hostile.py web/test_login.py api/test_people.py",
    "A38": "web/test_hostile.py",
    "A39": "web/test_login.py flow/identity/test_sessions.py api/test_people.py",
    "A40": "web/test_login.py web/test_signed_on.py api/http/test_edge.py",
    "A43": "api/test_log.py flow/audit/test_reports.py",
    "A45": "api/test_changes.py api/http/test_edge.py flow/queries/test_look.py",
    "A46": "api/test_changes.py api/http/test_edge.py",
    "A47": "api/http/test_edge.py",
    "A53": "attacks/test_approvals.py",
    "A54": "attacks/test_policies_and_people.py attacks/test_two_people.py",
    "A55": "attacks/test_policies_and_people.py",
    "A56": "attacks/test_policies_and_people.py",
    "A57": "attacks/test_policies_and_people.py",
    "A58": "attacks/test_policies_and_people.py",
    "A59": "attacks/test_policies_and_people.py",
    "A60": "api/http/test_body.py api/http/test_protocol.py attacks/test_policies_and_people.py",
    "A61": "api/http/test_rates.py api/http/test_edge.py",
    "A62": "attacks/test_approvals.py attacks/test_named_later.py api/models/test_change.py "
    "flow/changes/test_review.py",
    "A63": "attacks/test_policies_and_people.py api/test_people.py attacks/test_two_people.py",
    "A64": "flow/ledger/test_export.py flow/ledger/test_publish.py flow/audit/test_replay.py "
    "ledger/test_verify.py",
    "A65": "cli/ledger/test_served.py ledger/test_verify.py",
    "A66": "cli/ledger/test_keys.py cli/ledger/test_served.py flow/ledger/test_publish.py",
    "A67": "ledger/test_verify.py",
    "A68": "ledger/test_tree.py",
    "A69": "ledger/test_checkpoint.py",
    "A70": "core/test_canonical.py ledger/test_format.py",
    "A71": "flow/ledger/test_export.py flow/audit/test_reports.py",
}
"""Number to the files that show it, the one over HTTP first."""

PROMISES: Mapping[str, str] = {
    "A1": "flow/changes/test_excluded_law.py flow/changes/test_excluded.py",
    "A2": "attacks/test_two_people.py",
    "A3": "attacks/test_two_people.py",
    "A4": "flow/changes/test_excluded.py",
    "A5": "flow/changes/test_rejected.py",
    "A6": "flow/changes/test_review.py",
    "B7": "flow/changes/test_rollback.py storage/changes/test_history.py "
    "storage/changes/test_history_whole.py",
    "B8": "ledger/test_statement.py cli/test_verify.py",
    "B9": "core/decision/test_redecision.py",
    "B10": "api/test_admission_proof.py flow/changes/test_proof.py core/decision/test_admission.py",
    "B11": "attacks/test_two_people.py client/test_check.py",
    "B12": "flow/changes/test_held.py web/test_pages.py",
    "C13": "core/messages/test_host.py integrations/github/test_reviews.py "
    "integrations/github/test_read.py"
    " integrations/gitlab/test_facts.py client/git/test_commits.py",
    "C14": "client/git/test_hostile.py client/git/test_partial_clones.py client/test_files.py "
    "integrations/github/test_read.py",
    "C15": "api/test_workloads.py integrations/identity/test_claims.py",
    "C16": "test_github_story.py integrations/github/test_facts.py "
    "integrations/gitlab/test_runs.py",
    "C17": "flow/incidents/test_incidents.py integrations/test_alerts.py "
    "integrations/cdevents/test_incoming.py"
    " flow/webhooks/test_inbox.py cli/test_doctor.py",
    "C18": "flow/incidents/test_observe.py flow/webhooks/test_held_runs.py api/test_lists.py "
    "web/test_pages.py",
    "D19": "flow/queries/test_look.py client/test_check.py",
    "D20": "api/test_dates.py flow/changes/test_expire.py",
    "D21": "api/http/test_proxies.py web/test_login.py",
    "D22": "web/test_single_sign_on.py flow/test_attempts.py",
    "D23": "test_image.py integrations/http/test_outbound.py api/test_operations.py",
    "E24": "flow/changes/test_endings.py flow/changes/test_again.py web/test_pages.py",
    "H1": "cli/test_serve.py flow/changes/test_join.py",
    "H2": "flow/changes/test_observing.py core/decision/test_decide.py core/decision/test_admission.py"
    " core/rulebook/test_bundle.py flow/queries/test_observations.py",
    "H3": "flow/test_lent.py client/test_check.py api/test_workloads.py",
    "H4": "cli/init/test_command.py",
    "H6": "flow/queries/test_verdict.py api/test_verdict.py test_recipes.py",
    "E25": "api/test_operations.py flow/test_signing.py cli/test_operate.py cli/test_serve.py",
    "E26": "api/test_lists.py api/test_changes.py api/models/test_change.py client/test_check.py "
    "core/rulebook/test_bundle.py"
    " core/rulebook/test_cases.py core/decision/test_standard.py cli/test_reachable.py "
    "cli/test_spelling.py"
    " flow/changes/test_places.py flow/policies/test_freeze_limits.py "
    "flow/queries/test_look.py web/test_pages.py"
    " flow/queries/test_upkeep.py flow/queries/test_story.py flow/queries/test_observations.py"
    " flow/queries/test_verdict.py flow/incidents/test_incidents.py cli/test_tokens.py",
    "E27": "test_worker.py",
}
"""The same for what the gate promises besides.

A who approves, B what is deployed, C what counts, D cheap attacks, E what stands in the way of
honest people, H the first hour.
"""


def test_every_attack_of_the_range_is_in_the_table() -> None:
    assert list(SHOWN) == [f"A{number:02}" for number in NUMBERS]


@pytest.mark.parametrize("number", [*SHOWN, *PROMISES])
def test_the_files_of_an_attack_name_it(number: str) -> None:
    for name in {**SHOWN, **PROMISES}[number].split():
        text = (TESTS / name).read_text()

        named = re.search(rf"\b{number}\b|_{number.lower()}_", text)
        assert named, f"{name} has no case for {number}"
