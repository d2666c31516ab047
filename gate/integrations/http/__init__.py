"""How other systems are asked, within limits."""
