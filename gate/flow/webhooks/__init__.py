"""Reports of other systems, which are stored first and processed later."""
