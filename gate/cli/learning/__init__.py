"""`gate policy score` and `gate policy calibrate`."""
