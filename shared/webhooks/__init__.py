"""Calling an address that somebody gave: looked at before, within seconds, signed (Standard Webhooks)."""
