"""The İYS wire but its batches, and the accounts behind it.

Consents, brands and tokens stand in this folder, every other area in a package of its own: use cases
(`verb_noun`), `routes` above them, and `area`, which puts them together for `app`.
"""
