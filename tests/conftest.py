"""Real servers for the tests: started by the run itself, or those the environment names."""
