"""What is to be changed in the inventory, and what the inventory has confirmed."""
