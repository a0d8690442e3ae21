-- Prefect keeps its flow runs in a database of its own, on the same server.
CREATE DATABASE prefect;
