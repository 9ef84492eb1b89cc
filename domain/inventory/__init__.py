"""The tenant's link to its inventory: where it is, and whose number there is which id here."""
