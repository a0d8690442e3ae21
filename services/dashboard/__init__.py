"""The dashboard: pages over the same doors as the API, for eyes and hands."""
