"""Changes and everything that hangs on one."""
