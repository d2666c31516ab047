"""What the gate does with a change and around it, one file for each action or question."""
