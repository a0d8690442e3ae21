"""What the service and the machines that answer its queries say to each other."""
