# The policy of bench.yaml in Rego, as one would write it for an engine that knows no rules, points and bands.
package change

import rego.v1

# Every rule that holds, with its points.
points := {rule: given | [rule, given] := found[_]}

# A number and its steps, in rising order: from each limit on a change has so many points.
steps := {
	"added": [input.diff.lines_added, [[10, 2], [30, 4], [100, 6], [200, 10], [1000, 20]]],
	"deleted": [input.diff.lines_deleted, [[50, 2], [200, 4], [1000, 8]]],
	"files": [input.diff.files_changed, [[5, 1], [20, 4], [100, 10]]],
	"commits": [input.diff.commits, [[5, 1], [20, 4], [50, 8]]],
	"folders": [input.diff.directories, [[3, 1], [10, 4], [30, 8]]],
	"subsystems": [input.diff.subsystems, [[2, 3], [4, 8]]],
	"age": [input.change.age_hours, [[24, 1], [72, 3], [168, 6]]],
	"busy": [input.history.changes_last_24h, [[1000000, 1], [2000000, 2]]],
}

# The last limit that is reached counts. `max` would say it shorter, but rego-cpp 1.5.2 compares
# numbers as texts there: its max([4, 10]) is 4.
found contains [rule, given] if {
	[seen, limits] := steps[rule]
	reached := count([limit | [limit, _] := limits[_]; limit <= seen])
	reached > 0
	[_, given] := limits[reached - 1]
}

found contains ["experience", 10] if input.author.changes < 10

found contains ["recent", 5] if input.author.recent_changes == 0

found contains ["foreign", 5] if input.author.subsystem_changes < 3

found contains ["many-authors", 5] if input.author.count > 5

found contains ["unknown-author", 5] if not input.author.known

found contains ["migrations", 25] if {
	not input.change.has_rollback_plan
	some file in input.diff.files
	contains(sprintf("/%s", [file]), "/migrations/")
}

found contains ["pipelines", 10] if strings.any_prefix_match(input.diff.files, ".github/")

found contains ["settings", 10] if {
	some file in input.diff.files
	endswith(file, ".yaml")
	regex.match(`^(.*/)?settings/[^/]*$`, file)
}

found contains ["locks", 8] if strings.any_suffix_match(input.diff.files, ".lock")

found contains ["only-docs", -10] if {
	every file in input.diff.files { startswith(file, "docs/") }
}

found contains ["pattern", 4] if strings.any_suffix_match(input.diff.files, ["_pb.py", "_pb2.py"])

found contains ["reverts", 5] if input.diff.reverts

found contains ["fix", -5] if input.change.fixes_defect

found contains ["no-plan", 10] if not input.change.has_rollback_plan

found contains ["no-tests", 5] if not input.change.has_test_plan

found contains ["first", 5] if input.history.first_deployment

found contains ["critical-service", 10] if input.service.tier <= 1

found contains ["failing", 20] if input.history.recent_failure_rate > 0.2

found contains ["failed-yesterday", 10] if input.history.days_since_failure < 2

found contains ["few-checks", 10] if input.checks.total < 3

found contains ["alone", 5] if input.reviews.approvals < 2

found contains ["not-weekly", 5] if input.labels.train != "weekly"

total := sum([given | given := points[_]])

default score := 0

score := total if total > 0

band := "critical" if {
	score >= 240
} else := "high" if {
	score >= 120
} else := "moderate" if {
	score >= 60
} else := "low"

unmet contains "All checks of the commit passed" if not tests_green

unmet contains "Somebody else has read it" if not reviewed

tests_green if {
	input.checks.failed == 0
	input.checks.pending == 0
	input.checks.passed > 0
}

reviewed if {
	input.reviews.approvals >= 1
	input.reviews.changes_requested == 0
}

# Nothing else passes by itself: what is no routine release waits for people.
default outcome := "pending"

outcome := "approved" if {
	count(unmet) == 0
	input.reviews.approvals >= 1
}

decision := {"outcome": outcome, "score": score, "band": band, "points": points, "unmet": unmet}
