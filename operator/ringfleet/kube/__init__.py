"""The only door to the API server: client, cache, work queue, lease, events. JSON in, JSON out; no kind of ours."""
