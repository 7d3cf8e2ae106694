"""What is measured of a fit: losses, blocks of cells, distances of densities."""
