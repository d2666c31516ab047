"""GitLab: facts, webhooks, blocked deployments."""
