"""What the ten operations do."""
