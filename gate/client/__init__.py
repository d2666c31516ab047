"""The client that runs in a pipeline. It uses only the standard library and git."""
