"""Messages that come in and go out."""
