"""From facts to a decision: findings, score, quorum, record."""
