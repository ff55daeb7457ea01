"""The web server: requests in, answers out as JSON. What it serves is `pipelines.serving`."""
