"""What İYS does on its web site: who is registered, who may do what, who asked for it, and who changed it.

One module of use cases for each subject (`manage_providers`, `manage_headers`, …), one of routes beside it,
and `doorkeeper` in front of all of them. `area` puts them together.
"""
