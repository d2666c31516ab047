"""How well the shipped points put the changes of the shared data in order."""
