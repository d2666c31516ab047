"""`gate import`: what was deployed and what broke before the gate was asked."""
