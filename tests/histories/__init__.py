"""Whole histories of custody in virtual time: people, workers, faults and hand edits at once."""
