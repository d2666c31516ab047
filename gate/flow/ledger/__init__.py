"""The ledger in service: sealed, signed, guarded, read."""
