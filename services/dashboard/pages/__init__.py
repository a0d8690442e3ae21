"""What the pages show, one router for each part of the site."""
