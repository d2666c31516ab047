"""The common part of GitHub and GitLab."""
