"""Issues of a Jira: Cloud, or a company's own server."""
