"""YAML 1.2, read strictly."""
