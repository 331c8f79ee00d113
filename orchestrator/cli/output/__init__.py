"""Where words go: terminal, tables, times, logs, bars. Law: what cannot be written is lost, and stops nothing.

Offers `terminal` (results on stdout, words on stderr), `tables` and `times` (how things are printed), `logs` and
`event_lines` (events as lines), `lane_status` and `progress_bars` (lanes as they move).
"""
