"""The tables of the inventory: connections, mapping ids, the mirror and the workers' queue."""
