"""What a policy may say, how it is read and what it compiles to."""
