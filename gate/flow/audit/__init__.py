"""What an auditor asks, and how it is answered: each a chapter."""
