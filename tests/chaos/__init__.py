"""Chaos: the real processes, killed, paused and cut off at random while a sale runs (docs/reliability.md)."""
