"""What runs in a pipeline: standard library and git only."""
