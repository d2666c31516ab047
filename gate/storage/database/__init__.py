"""The database itself: engine, transactions, the writer and the readers."""
