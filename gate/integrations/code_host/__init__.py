"""What GitHub and GitLab have in common."""
