"""What other systems report, and what is sent to them."""
