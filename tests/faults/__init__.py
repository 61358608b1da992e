"""Faults, planted and made: `make mutants`."""
