"""Keeps a picture of every tenant's Snipe-IT in the inventory tables."""
