"""Where the figures come from: `make bench` and `make kill`."""
