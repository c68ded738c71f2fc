"""May this message go out? Reads the ledger and the cache, writes nothing but its own evidence.

What stands in the cache is written by the projector, a process of its own beside it (`projector/`).

To read it in order:

routes, question, answer    the whole path of a check through the app, to the decision
read_cache, rounds          how what the cache says is proven to be the ledger's word
decision_table              what a number out of the cache decides, for each of the few answers
hot_path, plain_check,      the same for a plain single check, which is answered where its bytes
plain_question              arrive, without the app
"""
