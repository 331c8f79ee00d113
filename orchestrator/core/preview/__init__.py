"""What a run would do, and what was approved. Law: a run freezes exactly this, and nothing here can write.

Offers `preview` (the whole of it), `ordering` (why each batch has its place), `approval` and `approval_file` (a saved
preview and its document) and `drift` (how far things have moved since).
"""
