"""Asking the gate: credentials, requests, answers."""
