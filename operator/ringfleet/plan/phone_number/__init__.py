"""What one number needs next."""
