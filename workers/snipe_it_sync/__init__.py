"""Brings the changes that were asked for into the inventory, and proves them there."""
