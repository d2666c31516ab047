"""Routes for auditors: replay of a decision, reports, evidence."""
