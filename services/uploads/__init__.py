"""Files that laboratories hand in: kept, looked into row by row, and accepted through intake."""
