"""What would happen if: the operator's own rules, played on a copy, with the rights of the person who asks."""
