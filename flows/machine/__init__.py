"""Any machine that answers queries over REST: it needs the service's address and a token, no store and no Prefect."""
