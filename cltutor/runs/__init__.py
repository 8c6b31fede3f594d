"""What came out of training: runs, the store that keeps them, and where their numbers come from."""
