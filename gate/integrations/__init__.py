"""Other people's protocols: translators, nothing more."""
