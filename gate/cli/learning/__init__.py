"""`gate policy score`, `gate policy calibrate` and `gate policy backtest`."""
