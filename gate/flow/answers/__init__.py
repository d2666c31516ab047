"""What a caller is answered."""
