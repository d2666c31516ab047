"""Identity tokens of pipelines, and single sign-on of people."""
