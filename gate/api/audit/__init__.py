"""What an auditor asks: replay of a decision, reports, evidence."""
