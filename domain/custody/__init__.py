"""Commands that concern a requisition, its assignments and the inventory in one transaction."""
