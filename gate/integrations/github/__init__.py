"""GitHub: facts, webhooks, held runs."""
