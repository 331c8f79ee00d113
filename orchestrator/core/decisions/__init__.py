"""What to do now, during a run. Law: one question, one answer; a decision is a value and changes nothing.

Offers `scheduler` (asks for each subject, gives slots away), `context` (what decisions rest on) and `steps` (what
the engine can be asked). `exporting`, `importing`, `lost_imports`, `target_evidence`, `verification`, `splitting`,
`slot_discovery` answer for one situation each.
"""
