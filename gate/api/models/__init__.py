"""The shapes on the wire: what may be asked, and what is answered."""
