"""The loop: one Prefect flow a round."""
