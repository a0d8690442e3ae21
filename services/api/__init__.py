"""The REST API: thin routes over the store, intake, access and reports."""
