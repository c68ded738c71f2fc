"""Logs and metrics, declared in one place; never an address."""
