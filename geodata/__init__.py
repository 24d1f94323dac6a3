"""What stands where: the park's places, its files, its coordinates and its one directed network."""
