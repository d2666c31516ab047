"""`gate ledger …`."""
