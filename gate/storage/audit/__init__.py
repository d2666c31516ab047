"""What the reports of an auditor are read from."""
