"""Limits: what holds for whom, what is left of it, and who is told to come back later.

It knows the table (`shared/domain/limits_table.py`) and the counter of all processes
(`shared/cache/limits.py`); where a request asks, and before what, is in `shared/wire/request.py`.
"""
