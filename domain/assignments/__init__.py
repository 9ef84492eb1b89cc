"""Who has what: from a reservation to the proof that it came back."""
