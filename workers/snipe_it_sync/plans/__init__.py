"""How each kind of change is looked at, made and proven in Snipe-IT. One file per family."""
