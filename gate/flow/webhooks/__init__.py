"""What other systems report, taken in and worked on later."""
