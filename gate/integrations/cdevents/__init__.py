"""CDEvents and CloudEvents, in and out."""
